"""CIFAR-10 and the residual networks trained on it, for the studies that use both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import record
import torch
from torch import Tensor, nn
from torch.nn import functional

from interp.dataset import Dataset, Example
from interp.spec import ModelOptions

DATA = record.DATA / "cifar10"
TRAIN, TEST = "train_20000.npz", "test_5000.npz"
WEIGHTS = {20: "resnet20-12fca82f.th", 56: "resnet56-4bfd9763.th"}


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut without weights (He et al.'s option A)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.stride, self.more = stride, outputs - inputs

    def forward(self, hidden: Tensor) -> Tensor:
        residual = functional.relu(self.bn1(self.conv1(hidden)))
        residual = self.bn2(self.conv2(residual))
        short = hidden[:, :, :: self.stride, :: self.stride]
        short = functional.pad(short, (0, 0, 0, 0, self.more // 2, self.more // 2))
        return self.relu(residual + short)


class ResNet(nn.Module):
    """A stem, three stages of (depth - 2) / 6 blocks, global average pooling, linear.

    Layers are called as in the weights files.
    """

    def __init__(self, depth: int) -> None:
        super().__init__()
        more = (depth - 2) // 6 - 1
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(Block(16, 16, 1) for _ in range(1 + more)))
        self.layer2 = nn.Sequential(Block(16, 32, 2), *(Block(32, 32, 1) for _ in range(more)))
        self.layer3 = nn.Sequential(Block(32, 64, 2), *(Block(64, 64, 1) for _ in range(more)))
        self.linear = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        hidden = functional.relu(self.bn1(self.conv1(images)))
        hidden = self.layer3(self.layer2(self.layer1(hidden)))  # (N, 64, 8, 8)
        return self.linear(hidden.mean((2, 3)))


def resnet20() -> ResNet:
    """The same random weights every time."""
    return _made(20)


def resnet56() -> ResNet:
    """The same random weights every time."""
    return _made(56)


def _made(depth: int) -> ResNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ResNet(depth)


@dataclass(frozen=True, eq=False)
class Cifar(Dataset):
    """The first `count` images of a .npz file with x, y and classes, from `start` on."""

    file: Path
    count: int
    start: int = 0

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        with np.load(self.file) as held:
            return {name: held[name] for name in ("x", "y", "classes")}

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(name.decode() for name in self.arrays["classes"])

    @property
    def fingerprint(self) -> str:
        return f"{self.file.name} {self.start} {self.count}"

    def __len__(self) -> int:
        return min(self.count, len(self.arrays["y"]) - self.start)

    def __getitem__(self, index: int) -> Example:
        at = self.start + index
        return Example(f"{at}", self.arrays["x"][at], int(self.arrays["y"][at]))


def options(data: Path, work: Path, weights: str | None = None) -> ModelOptions:
    """How such a network is opened; `weights` is a file of the data folder.

    The class names are written to a file in the work folder, which the model reads them from.
    """
    work.mkdir(parents=True, exist_ok=True)
    names = work / "classes.txt"
    names.write_text("\n".join(Cifar(data / TEST, 1).classes) + "\n")
    return ModelOptions(
        weights=None if weights is None else str(data / weights),
        input={"size": (32, 32), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
        classes=str(names),
        activation="softmax",
    )
