"""Planted networks, opened by PyTorch or as ONNX files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.outputs import SIZE
from torch import nn

from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions

INPUT = {"size": (SIZE, SIZE), "mean": (0,) * 3, "std": (1,) * 3}


@pytest.fixture
def opened(registry: Registry, tmp_path: Path) -> Callable[..., ModelAdapter]:
    """open(module, readout, adapter, classes, **params): the module behind an adapter."""

    def open_it(
        module: nn.Module,
        readout: str = "pixels",
        adapter: str = "torch",
        classes: tuple[str, ...] | None = None,
        activation: str | None = None,
        **params: object,
    ) -> ModelAdapter:
        options = ModelOptions(
            input=INPUT,
            device="cpu",
            readout=readout,
            classes=classes,
            activation=activation,
            readout_params=params,
        )
        model = open_model(module.eval(), options, registry)
        if adapter == "torch":
            return model
        model.export(tmp_path / "model.onnx")
        given = ModelOptions(device="cpu", readout=readout, readout_params=params)
        return open_model(str(tmp_path / "model.onnx"), given, registry)

    return open_it


@pytest.fixture
def picture() -> np.ndarray:
    """A red square near the lower left corner and a blue one near the upper right, on grey."""
    image = np.random.default_rng(0).integers(60, 120, (SIZE, SIZE, 3)).astype(np.uint8)
    image[20:28, 4:12] = (240, 20, 20)
    image[4:12, 20:28] = (20, 20, 240)
    return image
