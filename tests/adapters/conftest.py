"""Networks whose layers all matter, opened on the CPU."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest
import torch
from torch import nn

from interp.spec import ModelOptions
from interp_torch.adapter import TorchAdapter
from interp_torch.opening import open_model

Open = Callable[..., TorchAdapter]
SIZES = {"vit_b_16": 224, "CreaturesVGG": 112, "CreaturesResNet": 112}
"""Input sizes; 64 for all others."""


def build(name: str) -> nn.Module:
    """A network of torchvision's or of the creatures', every parameter random."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if name.startswith("Creatures"):
            module = getattr(importlib.import_module("interp_creatures.networks"), name)()
        else:
            module = importlib.import_module("torchvision.models").get_model(name, weights=None)
        return randomised(module)


def randomised(module: nn.Module) -> nn.Module:
    """Constants made random, so that no layer is a no-op at the start of training."""
    with torch.no_grad():
        for each in module.parameters():
            if each.numel() == 1 or each.std() < 1e-3:
                each.add_(torch.rand_like(each) * 0.5)
        for name, each in module.named_buffers():
            if "running" in name:
                each.add_(torch.rand_like(each) * 0.5)
    return module


@pytest.fixture
def open_on_cpu() -> Open:
    """Open a module or source on the CPU with images of `size` pixels."""

    def opened(source: object, size: int = 16, **options: object) -> TorchAdapter:
        given = {"size": (size, size), **dict(options.pop("input", {}))}  # type: ignore[call-overload]
        return open_model(source, ModelOptions(device="cpu", input=given, **options))  # type: ignore[arg-type]

    return opened


@pytest.fixture(scope="module")
def network() -> Callable[[str], TorchAdapter]:
    """A named network behind its adapter, opened once per test file."""
    kept: dict[str, TorchAdapter] = {}

    def named(name: str) -> TorchAdapter:
        if name not in kept:
            size = SIZES.get(name, 64)
            given = {"size": (size, size)}
            kept[name] = open_model(build(name), ModelOptions(device="cpu", input=given))
        return kept[name]

    return named
