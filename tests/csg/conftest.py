"""A tiny network that ends as CSG needs, and images whose class is their colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from interp.context import Context
from interp.dataset import Dataset, Example
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.spec import ModelOptions
from interp_csg.method import Csg
from interp_csg.params import CsgParams
from interp_torch.opening import open_model

SIZE, FILTERS, CLASSES = 12, 6, ("blue", "green", "red")
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


@dataclass(frozen=True, eq=False)
class Colours(Dataset):
    """Noise with one channel brighter: the class. `labels` may be anything else."""

    count: int = 30
    names: tuple[str, ...] = CLASSES
    labels: tuple[int | None, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        return self.names

    @property
    def fingerprint(self) -> str:
        return f"colours {self.count} {self.labels}"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        image = np.random.default_rng(index).integers(0, 120, (SIZE, SIZE, 3), np.uint8)
        image[..., 2 - index % 3] += 100
        label = self.labels[index] if self.labels else index % len(self.names)
        return Example(f"c{index}", image, label)


def tiny(seed: int = 0, dropout: float = 0.0) -> ModelAdapter:
    """A Tiny of this seed behind the interface."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = open_model(Tiny(dropout).eval(), OPTIONS)
    model.spec = model.spec.model_copy(update={"classes": CLASSES})
    return model


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
