"""Tiny plain and residual networks, and a short training of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.dataset import CLASSES, ColouredTops
from support.networks import opened, seeded
from torch import Tensor, nn
from torch.nn import functional

from interp.context import Context
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.spec import ModelOptions
from interp_decoupling.method import Decoupling
from interp_decoupling.params import DecouplingParams

SIZE = 12
OPTIONS = ModelOptions(
    input={"size": (SIZE, SIZE), "mean": (0.5,) * 3, "std": (0.5,) * 3}, activation="softmax"
)
PARAMS: dict[str, Any] = {
    "epochs": 4,
    "batch_size": 8,
    "rate": 0.05,
    "pad": 1,
    "information": 0.5,
    "sparsity": 0.02,
    "kept": 0.5,
    "start": "kaiming",
}


class Plain(nn.Module):
    """A stem; a convolution with batch norm; pooling; one with a bias; dropout; linear."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU())
        self.mid = nn.Sequential(
            nn.Conv2d(6, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True)
        )
        self.pool = nn.MaxPool2d(2)
        self.last = nn.Conv2d(8, 5, 3, 1, 1)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(5, len(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.last(self.pool(self.mid(self.stem(x)))))
        return self.head(self.dropout(x.mean((2, 3))))


class Residual(nn.Module):
    """A stem, and a block of two convolutions beside a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, 1, 1)
        self.conv1, self.norm1 = nn.Conv2d(6, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.norm2 = nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8)
        self.skip = nn.Sequential(nn.Conv2d(6, 8, 1, 2, bias=False), nn.BatchNorm2d(8))
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(8, len(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.stem(x))
        inner = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        return self.head(self.relu(inner + self.skip(x)).mean((2, 3)))


def tiny(kind: str = "plain", seed: int = 0, dropout: float = 0.0) -> ModelAdapter:
    """A Plain or Residual of this seed behind the interface."""
    return opened(seeded(lambda: Plain(dropout) if kind == "plain" else Residual(), seed), OPTIONS)


def method(**said: Any) -> Decoupling:
    return Decoupling(DecouplingParams(**{**PARAMS, **said}))


@pytest.fixture(scope="session")
def learned() -> Knowledge:
    """What training a Plain for some epochs leaves."""
    return method(epochs=6).fit(tiny(), ColouredTops(60), Context())


@pytest.fixture
def make() -> Callable[..., ModelAdapter]:
    """make(kind, seed, dropout)."""
    return tiny


@pytest.fixture
def decoupling() -> Callable[..., Decoupling]:
    """decoupling(**params): the method, small."""
    return method


@pytest.fixture
def model() -> ModelAdapter:
    return tiny()


@pytest.fixture
def colours() -> type[ColouredTops]:
    """Colours(count, names)."""
    return ColouredTops


@pytest.fixture
def said() -> dict[str, Any]:
    """Parameters of a small training."""
    return dict(PARAMS)
