"""A network of a kind that no method here was developed on: branches joined side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Joined(nn.Module):
    """Maps of a 1 x 1, a 3 x 3 and a 5 x 5 branch and of pooling, (N, 4 width, h, w)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.point = _conv(inputs, width, 1)
        self.near = nn.Sequential(_conv(inputs, width, 1), _conv(width, width, 3))
        self.far = nn.Sequential(_conv(inputs, width // 2, 1), _conv(width // 2, width, 5))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), _conv(inputs, width, 1))

    def forward(self, hidden: Tensor) -> Tensor:
        branches = (self.point, self.near, self.far, self.pooled)
        return torch.cat([each(hidden) for each in branches], 1)


class Digits(nn.Module):
    """A stem, two joined blocks with pooling between, global average pooling, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(3, 16, 3)
        self.first = Joined(16, 12)
        self.pool = nn.MaxPool2d(2)
        self.second = Joined(48, 16)
        self.last = _conv(64, 40, 3)
        self.head = nn.Linear(40, 10)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.pool(self.first(self.pool(self.stem(images))))
        return self.head(self.last(self.second(hidden)).mean((2, 3)))


def digits() -> nn.Module:
    """The same random weights every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Digits().eval()


def _conv(inputs: int, outputs: int, size: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, 1, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())
