"""Two networks of a few weights, the same in every version of everything."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from torch import nn


def plain() -> nn.Module:
    """Two convolutions, a mean over the image and a linear layer: three classes."""
    return _filled(
        first=nn.Conv2d(3, 6, 3, 2, 1),
        norm=nn.BatchNorm2d(6),
        act=nn.ReLU(),
        last=nn.Conv2d(6, 6, 3, 1, 1),
        out=nn.ReLU(),
        pool=nn.AdaptiveAvgPool2d(1),
        flat=nn.Flatten(),
        head=nn.Linear(6, 3),
    )


def deep() -> nn.Module:
    """Two convolutions and three linear layers, as VGG ends: three classes."""
    return _filled(
        first=nn.Conv2d(3, 6, 3, 2, 1),
        act=nn.ReLU(),
        last=nn.Conv2d(6, 5, 3, 1, 1),
        out=nn.ReLU(),
        pool=nn.MaxPool2d(4),
        flat=nn.Flatten(),
        hidden=nn.Linear(20, 8),
        on=nn.ReLU(),
        more=nn.Linear(8, 7),
        again=nn.ReLU(),
        head=nn.Linear(7, 3),
    )


def _filled(**layers: nn.Module) -> nn.Module:
    """The layers in a row, with weights that are hundredths of whole numbers."""
    network = nn.Sequential(OrderedDict(layers))
    random = np.random.Generator(np.random.Philox(1))
    for each in network.parameters():
        values = random.integers(-40, 60, each.shape) / 100
        each.data = torch.from_numpy(values.astype(np.float32))
    return network.eval()
