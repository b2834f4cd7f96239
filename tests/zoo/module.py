"""Hand-made modules, as programs hold them: wrapped, of other types, with odd answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.networks import seeded
from torch import Tensor, nn
from torch.nn import functional

from interp.spec import ModelOptions
from zoo.specimen import Given, Specimen

SIZE, CLASSES = 36, 4
Change = Callable[[nn.Module], object]


class Net(nn.Module):
    """Two convolutions, one of stride 2 and batch norm, global average pooling, linear."""

    def __init__(self, channels: int = 3, outputs: int = CLASSES) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(8, 12, 3, 1, 1), nn.ReLU())
        self.fc = nn.Linear(12, outputs)

    def features(self, image: Tensor) -> Tensor:
        return self.body(self.stem(image)).mean((2, 3))

    def forward(self, image: Tensor) -> Tensor:
        return self.fc(self.features(image))


class Answering(Net):
    """Its scores in a container, or through a function."""

    def __init__(self, form: Callable[[Tensor], object], outputs: int = CLASSES) -> None:
        super().__init__(outputs=outputs)
        self.form = form

    def forward(self, image: Tensor) -> object:  # type: ignore[override]
        return self.form(super().forward(image))


@dataclass
class Output:
    """Scores as a dataclass holds them."""

    scores: Tensor


class FlatHead(nn.Module):
    """Convolutions whose maps are flattened into one vector."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 6, 3, 2, 1), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(6 * 81, 16), nn.ReLU(), nn.Linear(16, 3))

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.features(image))


class Functional(nn.Module):
    """Rectified and pooled by functions, which are no modules."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        maps = functional.max_pool2d(functional.relu(self.one(image)), 2)
        maps = functional.relu_(self.two(maps))
        return self.fc(functional.adaptive_avg_pool2d(maps, 1).flatten(1))


class SharedWeights(nn.Module):
    """One convolution used three times, and one ReLU after each."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.again, self.act = nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU()
        self.last, self.fc = nn.Conv2d(8, 8, 1), nn.Linear(8, CLASSES)
        for each in (self.stem, self.again, self.last):
            nn.init.kaiming_normal_(each.weight)

    def forward(self, image: Tensor) -> Tensor:
        maps = self.act(self.stem(image))
        for _ in range(3):
            maps = self.act(self.again(maps))
        return self.fc(self.last(maps).mean((2, 3)))


class ChannelsLast(nn.Module):
    """Maps (N, h, w, C) between linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8)
        self.mix, self.act, self.fc = nn.Linear(8, 8), nn.GELU(), nn.Linear(8, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        cells = self.stem(image).permute(0, 2, 3, 1)
        return self.fc((cells + self.act(self.mix(self.norm(cells)))).mean((1, 2)))


class Branching(Net):
    """Asks about its input, which no tracer follows: it is cut by hooks."""

    def forward(self, image: Tensor) -> Tensor:
        return self.fc(self.features(image if image.sum() > -1e9 else image * 2))


class BatchStatistics(Net):
    """Normalises by the statistics of its batch, in evaluation too."""

    def __init__(self) -> None:
        super().__init__()
        self.stem[1] = nn.BatchNorm2d(8, track_running_stats=False)


def module(
    name: str, build: Callable[[], nn.Module], change: Change | None = None, **more: Any
) -> Specimen:
    """A live module; `change` makes what the user holds of the plain one it is compared with."""
    read: Callable[[Any], Tensor] = more.pop("scores", lambda output: output)
    options = plain(more.pop("channels", 3)).model_copy(update=more.pop("options", {}))

    def make(folder: Path) -> Given:
        own = seeded(build)
        return Given(own if change is None else change(seeded(build)), options, own, read)

    return Specimen(name, "modules", make, **more)


def plain(channels: int = 3) -> ModelOptions:
    """Options of a network of SIZE x SIZE that takes [0, 1] as it is, but for a small shift."""
    given = {"size": (SIZE, SIZE), "mean": (0.1,) * channels, "std": (0.5,) * channels}
    return ModelOptions(device="cpu", input=given)


def torchscript(folder: Path) -> Given:
    """A file that torch.jit.trace wrote."""
    own = seeded(Net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(own, torch.rand(1, 3, SIZE, SIZE)).save(folder / "net.pt")
    return Given(str(folder / "net.pt"), plain(), own)


def exported(folder: Path) -> Given:
    """A program that torch.export wrote, for any batch size."""
    own = seeded(Net)
    batch = torch.export.Dim("batch")
    images = (torch.rand(2, 3, SIZE, SIZE),)
    program = torch.export.export(own, images, dynamic_shapes=({0: batch},))
    torch.export.save(program, folder / "net.pt2")
    return Given(str(folder / "net.pt2"), plain(), own)


def function(folder: Path) -> Given:
    """A function of images (N, 3, h, w)."""
    own = seeded(Net)

    def score(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return own(torch.from_numpy(images)).numpy()

    options = plain().model_copy(update={"pixels": "float-chw"})
    return Given(score, options, answer=lambda images: torch.from_numpy(score(images.numpy())))


def factory(folder: Path) -> Given:
    """`package.module:factory` with arguments, and a checkpoint as a trainer leaves it."""
    own = seeded(lambda: Net(outputs=6))
    state = {f"module.{key}": value for key, value in own.state_dict().items()}
    torch.save({"model_state_dict": state, "epoch": np.int64(3)}, folder / "last.ckpt")
    options = plain().model_copy(update={"weights": str(folder / "last.ckpt")})
    return Given("zoo.module:Net@outputs=6", options, own)
