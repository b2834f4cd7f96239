"""A network whose classes each depend on one known direction of its channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from support.dataset import Drawn
from support.networks import opened
from torch import Tensor, nn

from interp.dataset import Example, Instance, Part
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions

SIZE, CLASSES, COLOURS = 24, ("ant", "bee"), ("red", "green", "blue")
OPTIONS = ModelOptions(
    input={"size": (SIZE, SIZE), "mean": (0.0,) * 3, "std": (1.0,) * 3},
    activation="none",
    device="cpu",
)
DIRECTIONS = np.array(
    [[4, 3, 0, 0, 1, 0, 0, 0], [0, 0, 5, 2, 0, 1, 0, 0], [0, 1, 0, 0, 0, 0, 4, 3]], np.float32
)
"""The direction of each colour in the channels of the layer `act`, (3, 8)."""


class PlantedNet(nn.Module):
    """A_act = amounts of the colours @ DIRECTIONS; ant scores the red amount, bee the green one."""

    def __init__(self) -> None:
        super().__init__()
        self.colour = nn.Conv2d(3, 3, 1)
        self.colour.weight.data = torch.tensor(np.full((3, 3), -1.0) + 2 * np.eye(3)).float()[
            ..., None, None
        ]
        self.colour.bias = nn.Parameter(torch.full((3,), -0.1))
        self.rectify = nn.ReLU()
        self.pool = nn.AvgPool2d(4)
        self.spread = nn.Conv2d(3, 8, 1, bias=False)
        self.spread.weight.data = torch.from_numpy(DIRECTIONS.T.copy())[..., None, None]
        self.act = nn.ReLU()
        self.head = nn.Linear(8, 2, bias=False)
        self.head.weight.data = torch.from_numpy(100 * np.linalg.pinv(DIRECTIONS).T[:2].copy())

    def forward(self, x: Tensor) -> Tensor:
        maps = self.act(self.spread(self.pool(self.rectify(self.colour(x)))))
        return self.head(maps.mean((2, 3)))


def square(number: int, colours: tuple[str, ...], size: int = SIZE) -> np.ndarray:
    """Grey noise with an 8 x 8 square of each colour, in places and strengths that differ.

    A third square is fainter than the others.
    """
    random = np.random.default_rng(number)
    image = np.repeat(random.integers(60, 120, (size, size, 1)), 3, 2).astype(np.uint8)
    corners = random.permutation([(0, 0), (0, 12), (12, 0), (12, 12)])
    for at, (colour, (top, left)) in enumerate(zip(colours, corners, strict=False)):
        value = np.full(3, 20)
        value[COLOURS.index(colour)] = random.integers(180, 250) if at < 2 else 130
        top, left = top + random.integers(0, 4), left + random.integers(0, 4)
        image[top : top + 8, left : left + 8] = value
    return image


@dataclass(frozen=True, eq=False)
class Both(Drawn):
    """Images of ant (red and blue squares) and of bee (green and blue), in turn.

    Every third image has a faint square of the other class's colour, so that the activations of a
    class have as many directions as there are colours.
    """

    names: tuple[str, ...] = CLASSES

    def __getitem__(self, index: int) -> Example:
        own, other = COLOURS[index % 2], COLOURS[1 - index % 2]
        colours = (own, "blue") if index % 3 else (own, "blue", other)
        return Example(f"b{index}", square(index, colours), self.label(index))


@dataclass(frozen=True, eq=False)
class Shown(Drawn):
    """Concept images: a red, a green or a blue square, and counter-examples without any."""

    names: tuple[str, ...] = (*COLOURS, "random")

    def __getitem__(self, index: int) -> Example:
        name = self.names[index % 4]
        shown = () if name == "random" else (name,)
        return Example(f"s{index}", square(500 + index, shown), self.label(index))


@dataclass(frozen=True, eq=False)
class Parts(Drawn):
    """The images of Both, their squares being parts of an object that are named by colour."""

    names: tuple[str, ...] = CLASSES

    def __getitem__(self, index: int) -> Example:
        own = COLOURS[index % 2]
        image = square(index, (own, "blue"))
        parts = []
        for at, name in ((index % 2, own), (2, "blue")):
            rows, columns = np.nonzero(image[..., at] > 150)
            centre = (float(columns.mean() + 0.5), float(rows.mean() + 0.5))
            parts.append(Part(name, centre, None))
        instance = Instance(index % 2, (0, 0, SIZE, SIZE), None, tuple(parts))
        return Example(f"p{index}", image, index % 2, (instance,))


def planted() -> ModelAdapter:
    """PlantedNet behind the interface."""
    return opened(PlantedNet().eval(), OPTIONS, CLASSES)


@pytest.fixture
def model() -> ModelAdapter:
    return planted()


@pytest.fixture
def exported(model: ModelAdapter, tmp_path: Path) -> ModelAdapter:
    """The same network from an ONNX file."""
    model.export(tmp_path / "planted.onnx")
    return open_model(str(tmp_path / "planted.onnx"), ModelOptions(device="cpu"), Registry.load())


@pytest.fixture
def both() -> type[Both]:
    """Both(count)."""
    return Both


@pytest.fixture
def shown() -> type[Shown]:
    """Shown(count)."""
    return Shown


@pytest.fixture
def parts() -> type[Parts]:
    """Parts(count)."""
    return Parts


@pytest.fixture
def draw() -> Callable[..., np.ndarray]:
    """draw(number, colours): an image with squares."""
    return square


@pytest.fixture
def directions() -> np.ndarray:
    """The direction of each colour, (3, 8)."""
    return DIRECTIONS
