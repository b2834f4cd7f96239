"""Small networks behind the PyTorch adapter, and one whose answer is known by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from support import networks
from torch import nn

from interp.spec import ModelOptions
from interp_torch.adapter import TorchAdapter
from interp_torch.opening import open_model

SIZE = 32


class SmallNet(nn.Module):
    """Two blocks with batch norm and in-place activations that are not idempotent; dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(3, 5, 3, 2, 1), nn.BatchNorm2d(5), nn.Hardswish(inplace=True)
        )
        self.conv = nn.Conv2d(5, 6, 3, 2, 1)
        self.act = nn.Hardswish(inplace=True)
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.act(self.conv(self.first(x))).mean((2, 3)))


class Rectified(nn.Module):
    """What Captum can hook: rectifiers in place, each run once, windows apart; and a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(3, 5, 3, 2, 1), nn.BatchNorm2d(5), nn.ReLU(inplace=True), nn.MaxPool2d(2)
        )
        self.conv = nn.Conv2d(5, 5, 3, 1, 1)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x)
        return self.head(self.act(self.conv(hidden) + hidden).mean((2, 3)))


class Planted(nn.Module):
    """Channels see red, green and blue; class "red" wants red and dislikes green, nothing else.

    score_t = sum_k v_tk mean(A_k), so channel k's ablation costs v_tk mean(A_k).
    """

    def __init__(self) -> None:
        super().__init__()
        self.colour = nn.Conv2d(3, 3, 1, bias=False)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(3, 2)
        amount = torch.full((3, 3, 1, 1), -1.0)
        amount[range(3), range(3)] = 1.0
        self.colour.weight.data = amount
        self.head.weight.data = torch.tensor([[8.0, -4.0, 0.0], [0.0, 0.0, 8.0]])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.act(self.colour(x)).mean((2, 3)))


Open = Callable[..., TorchAdapter]


@pytest.fixture
def small() -> Open:
    """SmallNet of a seed."""

    return lambda seed=0: seeded(SmallNet, seed)


@pytest.fixture
def rectified() -> Open:
    """Rectified of a seed."""
    return lambda seed=0: seeded(Rectified, seed)


@pytest.fixture
def planted() -> TorchAdapter:
    """Planted, which sees RGB in [0, 1] as it is."""
    return wrapped(Planted().eval(), mean=(0.0,) * 3, std=(1.0,) * 3)


@pytest.fixture
def picture() -> Callable[[int], np.ndarray]:
    """Noise of a seed at the network's input size."""

    def drawn(seed: int) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), np.uint8)

    return drawn


def seeded(kind: type[nn.Module], seed: int) -> TorchAdapter:
    module = networks.seeded(kind, seed)
    module.head[1].weight.data *= 20  # type: ignore[index, union-attr]
    return wrapped(module)


@pytest.fixture(name="wrapped")
def give_wrapped() -> Open:
    """What opens a module on images of SIZE pixels."""
    return wrapped


def wrapped(module: nn.Module, **given: object) -> TorchAdapter:
    return open_model(module, ModelOptions(device="cpu", input={"size": (SIZE, SIZE), **given}))
