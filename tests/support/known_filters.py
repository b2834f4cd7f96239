"""A network whose channels are filters that are known, so that the best pictures are, too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from interp.dataset import Example
from interp.model import ModelAdapter
from interp.spec import ModelOptions
from support.dataset import Drawn
from support.networks import opened

SIZE, SIDE, PAD = 32, 8, 4
CLASSES = ("red", "edge")
OPTIONS = ModelOptions(
    device="cpu",
    input={"size": (SIZE, SIZE), "mean": (0.5,) * 3, "std": (1.0,) * 3},
    activation="none",
)
EDGE = np.where(np.arange(SIDE)[:, None] < SIDE // 2, -1.0, 1.0).repeat(SIDE, 1)
"""A horizontal edge: dark above bright."""


class FilterNet(nn.Module):
    """Channel 0 is the red plane less 1/2; channel 1 an edge filter on all colours; 2 is nothing.

    An operation in place follows, so that whoever reads `filters` late reads something else.
    """

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv2d(3, 3, SIDE, padding=PAD, bias=False)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(3, 2, bias=False)
        kernels = torch.zeros(3, 3, SIDE, SIDE)
        kernels[0, 0, PAD, PAD] = 1
        kernels[1] = torch.from_numpy(EDGE).float() / EDGE.size
        self.filters.weight.data = kernels
        self.head.weight.data = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.filters(x)).mean((2, 3)))


class Greys(Drawn):
    """Smooth grey noise with a little colour."""

    def __getitem__(self, index: int) -> Example:
        random = np.random.default_rng(index)
        grey = random.integers(60, 200, (4, 4, 1)) + random.integers(-20, 20, (4, 4, 3))
        image = grey.repeat(8, 0).repeat(8, 1).astype(np.uint8)
        return Example(f"g{index}", image, self.label(index))


@dataclass(frozen=True)
class Known:
    """The network with known filters, and images."""

    model: ModelAdapter
    data: Greys


def known_filters() -> Known:
    """FilterNet, which sees RGB less 1/2, and 20 images."""
    return Known(opened(FilterNet().eval(), OPTIONS, CLASSES), Greys(20, CLASSES))
