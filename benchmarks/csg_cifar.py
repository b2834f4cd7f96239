"""Class-specific gates against plain twins: ResNet-20 from scratch, on CIFAR-10.

python benchmarks/csg_cifar.py [--data DIR] [--explore] [--images N --test N --epochs N --seeds N]
Writes benchmarks/results/csg_cifar.json; goes on where it was stopped. 75 epochs of 20,000 images
are half of the authors' epochs on less than half of their images: accuracies are not theirs.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from csg_study import Study, detections
from torch import Tensor, nn
from torch.nn import functional

from interp.dataset import Dataset, Example
from interp.spec import ModelOptions
from interp_csg.params import CsgParams

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data" / "cifar10"
WORK = HERE.parent / "build" / "csg_cifar"
OPTIONS = ModelOptions(
    input={"size": (32, 32), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
    activation="softmax",
)
MEASURES: dict[str, dict[str, Any]] = {
    "accuracy": {"metric": "csg-accuracy"},
    "mis": {"metric": "mutual-information"},
    "density": {"metric": "gate-density"},
    "filter_correlation": {"metric": "filter-correlation"},
    "class_correlation": {"metric": "class-correlation"},
    "gate_correlation": {"metric": "class-correlation", "of": "gates"},
}


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut without weights (He et al.'s option A)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.stride, self.more = stride, outputs - inputs

    def forward(self, hidden: Tensor) -> Tensor:
        residual = functional.relu(self.norm1(self.conv1(hidden)))
        residual = self.norm2(self.conv2(residual))
        short = hidden[:, :, :: self.stride, :: self.stride]
        short = functional.pad(short, (0, 0, 0, 0, self.more // 2, self.more // 2))
        return self.relu(residual + short)


class ResNet20(nn.Module):
    """A stem, three stages of three blocks, global average pooling, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.stage1 = nn.Sequential(*(Block(16, 16, 1) for _ in range(3)))
        self.stage2 = nn.Sequential(Block(16, 32, 2), *(Block(32, 32, 1) for _ in range(2)))
        self.stage3 = nn.Sequential(Block(32, 64, 2), *(Block(64, 64, 1) for _ in range(2)))
        self.linear = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.stage3(self.stage2(self.stage1(self.stem(images))))  # (N, 64, 8, 8)
        return self.linear(hidden.mean((2, 3)))


def resnet20() -> ResNet20:
    """The same random weights every time; training draws its own (fresh)."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ResNet20()


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--test", type=int, default=2500)
    parser.add_argument("--epochs", type=int, default=75)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--gate-rate", type=float, default=0.02)
    parser.add_argument("--detector", type=int, default=1000, help="images it learns from")
    parser.add_argument("--explore", action="store_true", help="other seeds, other test images")
    parser.add_argument("--work", type=Path, default=WORK)
    asked = parser.parse_args()
    if not asked.data.is_dir():
        print(f"{asked.data} is not here: nothing is measured; name the folder with --data")
        return
    first = 100 if asked.explore else 1
    kind = "explored" if asked.explore else "scored"
    work = asked.work / f"{kind}-{asked.images}-{asked.epochs}-{asked.gate_rate}"
    study = Study(
        model="csg_cifar:resnet20",
        options=OPTIONS.model_copy(update={"classes": str(_classes(asked.data, work))}),
        train=Cifar(asked.data / "train_20000.npz", asked.images),
        test=Cifar(asked.data / "test_5000.npz", asked.test, 2500 if asked.explore else 0),
        params=CsgParams(
            fresh=True, epochs=asked.epochs, batch_size=asked.batch, gate_rate=asked.gate_rate
        ),
        seeds=tuple(range(first, first + asked.seeds)),
        work=work,
        measures=MEASURES | detections(asked.detector),
    )
    found = {"written": datetime.now(UTC).isoformat(timespec="seconds"), **study.report()}
    out = work / "report.json" if asked.explore else HERE / "results" / "csg_cifar.json"
    out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps({key: found[key] for key in ("csg_less_twin", "params")}, indent=2))


def _classes(data: Path, work: Path) -> Path:
    """The class names in a file, as a model is told them."""
    work.mkdir(parents=True, exist_ok=True)
    path = work / "classes.txt"
    path.write_text("\n".join(Cifar(data / "test_5000.npz", 1).classes) + "\n")
    return path


if __name__ == "__main__":
    main()
