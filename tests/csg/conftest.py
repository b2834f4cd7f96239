"""A tiny network that ends as CSG needs, and a short training of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.dataset import CLASSES, Colours
from support.networks import opened, seeded
from torch import nn

from interp.context import Context
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.spec import ModelOptions
from interp_csg.method import Csg
from interp_csg.params import CsgParams

SIZE, FILTERS = 12, 6
OPTIONS = ModelOptions(
    input={"size": (SIZE, SIZE), "mean": (0.5,) * 3, "std": (0.5,) * 3}, activation="softmax"
)


class Tiny(nn.Module):
    """Two convolutions, global average pooling, dropout, linear."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(6, FILTERS, 3, 1, 1), nn.ReLU())
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(FILTERS, len(CLASSES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.last(self.first(x)).mean((2, 3))))


def tiny(seed: int = 0, dropout: float = 0.0) -> ModelAdapter:
    """A Tiny of this seed behind the interface."""
    return opened(seeded(lambda: Tiny(dropout), seed), OPTIONS)


@pytest.fixture(scope="session")
def learned() -> Knowledge:
    """What training a Tiny for six epochs, two of them gated, leaves."""
    said: dict[str, Any] = {"optimizer": "adam", "rate": 0.03, "gated_rate": 0.03, "pad": 1}
    params = CsgParams(epochs=6, batch_size=8, gate_rate=0.2, **said)
    return Csg(params).fit(tiny(), Colours(60), Context())


@pytest.fixture
def make() -> Callable[..., ModelAdapter]:
    """make(seed, dropout)."""
    return tiny


@pytest.fixture
def model() -> ModelAdapter:
    return tiny()


@pytest.fixture
def colours() -> type[Colours]:
    """Colours(count, names, labels)."""
    return Colours
