"""Tiny networks, VGG-like and residual, and noise with a bright square whose corners are parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from support import networks
from support.dataset import Squares
from torch import nn
from torch.nn.functional import relu

from interp.context import Context
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.spec import ModelOptions
from interp_explainer.method import Explainer
from interp_explainer.params import ExplainerParams

SIZE = 16
OPTIONS = ModelOptions(
    input={"size": (SIZE, SIZE), "mean": (0.5, 0.4, 0.3), "std": (0.5, 0.4, 0.3)},
    activation="softmax",
    device="cpu",
)


class TinyVgg(nn.Module):
    """Three convolutions, the last two on 8 x 8, pooling to 2 x 2, two hidden layers."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(6, 5, 3, 1, 1), nn.ReLU())
        self.third = nn.Sequential(nn.Conv2d(5, 7, 3, 1, 1), nn.ReLU())
        self.pool = nn.MaxPool2d(4)
        self.fc1, self.relu1 = nn.Linear(7 * 2 * 2, 10), nn.ReLU()
        self.fc2, self.relu2 = nn.Linear(10, 9), nn.ReLU()
        self.classifier = nn.Linear(9, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.pool(self.third(self.second(self.first(x))))
        hidden = self.relu1(self.fc1(torch.flatten(hidden, 1)))
        return self.classifier(self.relu2(self.fc2(hidden)))


class Block(nn.Module):
    """A convolution beside the identity."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return relu(x + self.conv(x))


class TinyResidual(nn.Module):
    """A stem on 8 x 8, a stage on 4 x 4 that ends in a residual block, global pooling, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU())
        self.stage = nn.Sequential(nn.Conv2d(6, 8, 3, 2, 1), nn.ReLU(), Block())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.flatten(self.pool(self.stage(self.stem(x))), 1))


def open_with(network: nn.Module, seed: int = 0) -> ModelAdapter:
    """The network with weights of this seed, behind the interface."""

    def initialised() -> nn.Module:
        for part in network.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(part.weight)
                nn.init.normal_(part.bias, 0, 0.1)  # type: ignore[arg-type]
        return network

    return networks.opened(networks.seeded(initialised, seed), OPTIONS)


def explainer(**said: Any) -> Explainer:
    """A method that learns fast."""
    fast: dict[str, Any] = {"epochs": 6, "batch_size": 12, "warm_up": 1, "rate": 0.01}
    return Explainer(ExplainerParams(**{**fast, **said}))


@pytest.fixture(scope="session")
def learned() -> Knowledge:
    """What six epochs of a TinyVgg leave."""
    return explainer().fit(open_with(TinyVgg()), Squares(), Context())


@pytest.fixture
def model() -> ModelAdapter:
    return open_with(TinyVgg())


@pytest.fixture
def residual() -> ModelAdapter:
    return open_with(TinyResidual())


@pytest.fixture
def opened() -> Callable[[int], ModelAdapter]:
    """A TinyVgg of a seed."""
    return lambda seed: open_with(TinyVgg(), seed)


@pytest.fixture
def squares() -> type[Squares]:
    """Squares(count, labels)."""
    return Squares


@pytest.fixture
def method() -> Callable[..., Explainer]:
    """method(**params)."""
    return explainer
