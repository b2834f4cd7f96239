"""The layer whose map is explained, and its PyTorch module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import Field

from interp.errors import UnsupportedError
from interp.spec import Layer
from interp_captum.method import CaptumParams

if TYPE_CHECKING:
    from torch import nn

    from interp.model import ModelAdapter


LAYER = Field(None, description="layer whose channels are weighed; default: the last map")


class LayerParams(CaptumParams):
    """What a method that explains a layer's map is asked."""

    layer: str | None = LAYER
    positive: bool = Field(False, description="show only what speaks for the target (ReLU)")


def map_layer(model: ModelAdapter, name: str | None) -> Layer:
    """The layer called `name`, else the last map before the pooling; UnsupportedError if no map."""
    chosen = model.layer(name) if name else last_map(model)
    if chosen.layout != "NCHW":
        raise UnsupportedError(
            f"layer {chosen.name} of {model.spec.name} gives {chosen.layout}; "
            "choose one with channels over a grid (NCHW)"
        )
    return chosen


def last_map(model: ModelAdapter) -> Layer:
    """The last map with channels over a grid."""
    for each in reversed(model.maps()):
        if each.layout == "NCHW":
            return each
    raise UnsupportedError(f"{model.spec.name} has no layer with channels over a grid")


@contextmanager
def out_of_place(module: nn.Module) -> Iterator[None]:
    """No activation function alters its input: Captum hands the same tensor in more than once."""
    altering = [each for each in module.modules() if getattr(each, "inplace", False) is True]
    for each in altering:
        each.inplace = False  # type: ignore[assignment]
    try:
        yield
    finally:
        for each in altering:
            each.inplace = True  # type: ignore[assignment]
