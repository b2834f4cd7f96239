"""A network whose class scores are known sparse sums of its channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from support.dataset import Drawn
from support.networks import opened
from torch import Tensor, nn

from interp.dataset import Example
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.spec import ModelOptions

SIZE, CHANNELS, CLASSES = 24, 24, ("ant", "bee", "cat", "dog")
OPTIONS = ModelOptions(
    input={"size": (SIZE, SIZE), "mean": (0.5,) * 3, "std": (0.5,) * 3}, activation="none"
)


class SumNet(nn.Module):
    """score_c = sum over four channels k of V_ck times the mean of A_k, A = relu(conv(x))."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, CHANNELS, 3, 2, 1)
        self.act = nn.ReLU()
        self.head = nn.Linear(CHANNELS, len(CLASSES), bias=False)
        random = np.random.default_rng(seed)
        weights = np.zeros((len(CLASSES), CHANNELS), np.float32)
        for row in weights:
            row[random.choice(CHANNELS, 4, replace=False)] = random.uniform(2, 4, 4)
        self.head.weight.data = torch.from_numpy(weights)
        kernels = random.normal(0, 1, self.features.weight.shape).astype(np.float32)
        self.features.weight.data = torch.from_numpy(kernels)
        self.features.bias = nn.Parameter(torch.full((CHANNELS,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.features(x)).mean((2, 3)))


@dataclass(frozen=True, eq=False)
class Noise(Drawn):
    """Noise images of every class by turns; `broken` ones cannot be read."""

    count: int = 16
    names: tuple[str, ...] = CLASSES
    broken: tuple[int, ...] = ()

    def __getitem__(self, index: int) -> Example:
        if index in self.broken:
            raise InputError(f"image {index} is truncated")
        coarse = np.random.default_rng(index).integers(0, 256, (6, 6, 3), np.uint8)
        return Example(f"n{index}", coarse.repeat(4, 0).repeat(4, 1), self.label(index))


@pytest.fixture
def planted() -> ModelAdapter:
    """SumNet behind the interface."""
    return made(0)


@pytest.fixture
def other() -> ModelAdapter:
    """Another SumNet."""
    return made(1)


def made(seed: int) -> ModelAdapter:
    return opened(SumNet(seed).eval(), OPTIONS, CLASSES)


@pytest.fixture
def noise() -> type[Noise]:
    """Noise(count, names, broken)."""
    return Noise
