"""Small networks whose relevance is known, behind the PyTorch adapter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from support import networks
from torch import Tensor, nn

from interp.spec import ModelOptions
from interp_torch.adapter import TorchAdapter
from interp_torch.opening import open_model

SIZE = 12
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)


def plain_net(bias: bool = True) -> nn.Sequential:
    """Two convolutions and a linear layer, rectified in place."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1, bias=bias), nn.ReLU(inplace=True),
        nn.Conv2d(4, 5, 3, 2, 1, bias=bias), nn.ReLU(inplace=True),
        nn.Flatten(), nn.Linear(45, 3, bias=bias),
    )  # fmt: skip


class Normed(nn.Module):
    """Batch norms with statistics of their own, a skip that is a function call, a mean as well."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(6, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6))
        self.act, self.head = nn.ReLU(inplace=True), nn.Linear(6, 3)
        for each in self.modules():
            if isinstance(each, nn.BatchNorm2d):
                each.running_mean.normal_()
                each.running_var.uniform_(0.5, 2)
                each.weight.data.uniform_(0.5, 2)
                each.bias.data.normal_()

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.first(image)
        return self.head(self.act(self.second(hidden) + hidden).mean((2, 3)))


class Colours(nn.Module):
    """Channels see red, green and blue; class 0 wants red and dislikes green."""

    def __init__(self) -> None:
        super().__init__()
        self.colour, self.act = nn.Conv2d(3, 3, 1, bias=False), nn.ReLU()
        self.pool, self.flat = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        self.head = nn.Linear(3, 2, bias=False)
        self.colour.weight.data = 2 * torch.eye(3)[..., None, None] - torch.ones(3, 3, 1, 1)
        self.head.weight.data = torch.tensor([[8.0, -4.0, 0.0], [0.0, 0.0, 8.0]])

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.flat(self.pool(self.act(self.colour(image)))))


def wrapped(module: nn.Module, size: int = SIZE, **given: object) -> TorchAdapter:
    given = {"size": (size, size), "mean": MEAN, "std": STD} | given
    return open_model(module.eval(), ModelOptions(device="cpu", input=given))


@pytest.fixture(name="open_module")
def give_wrapped() -> Callable[..., TorchAdapter]:
    """What opens a module on normalised images of a size."""
    return wrapped


@pytest.fixture
def plain() -> Callable[..., TorchAdapter]:
    """plain(seed, bias): plain_net of a seed."""
    return lambda seed=0, bias=True: wrapped(networks.seeded(lambda: plain_net(bias), seed))


@pytest.fixture
def normed() -> Callable[..., TorchAdapter]:
    """normed(seed): Normed of a seed."""
    return lambda seed=0: wrapped(networks.seeded(Normed, seed))


@pytest.fixture
def colours() -> TorchAdapter:
    """Colours, which sees RGB in [0, 1] as it is."""
    return wrapped(Colours(), mean=(0.0,) * 3, std=(1.0,) * 3)


@pytest.fixture(name="picture")
def give_picture() -> Callable[..., np.ndarray]:
    """picture(seed): noise."""

    def drawn(seed: int, size: int = SIZE) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)

    return drawn
