"""Small networks: made with the weights of a seed, and opened as models with named classes.

Those that are functions without parameters are also opened by name: support.networks:pooled_net.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import nn

from interp.spec import ModelOptions
from interp_torch.adapter import TorchAdapter
from interp_torch.opening import open_model
from support.dataset import CLASSES


def seeded(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """What `build` makes, in evaluation mode; the global generator is as before."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build().eval()


def opened(
    module: nn.Module, options: ModelOptions, classes: tuple[str, ...] = CLASSES
) -> TorchAdapter:
    """The network behind the PyTorch adapter, with these class names."""
    model = open_model(module, options)
    model.spec = model.spec.model_copy(update={"classes": classes})
    return model


def pooled_net() -> nn.Module:
    """Two convolutions, global average pooling, linear: three classes."""
    return seeded(
        lambda: nn.Sequential(
            nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(),
            nn.Conv2d(6, 6, 3, 1, 1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3),
        ),
        seed=1,
    )  # fmt: skip


def deeper_net() -> nn.Module:
    """The same with three convolutions."""
    return seeded(
        lambda: nn.Sequential(
            nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(),
            nn.Conv2d(6, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 5, 3, 1, 1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3),
        ),
        seed=1,
    )  # fmt: skip


def vgg_net() -> nn.Module:
    """Two convolutions and three linear layers, as VGG ends; layers at0 to at10."""

    def build() -> nn.Module:
        parts = [
            nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 5, 3, 1, 1), nn.ReLU(),
            nn.MaxPool2d(4), nn.Flatten(), nn.Linear(20, 8), nn.ReLU(),
            nn.Linear(8, 7), nn.ReLU(), nn.Linear(7, 3),
        ]  # fmt: skip
        return nn.Sequential(OrderedDict({f"at{n}": each for n, each in enumerate(parts)}))

    return seeded(build, seed=1)
