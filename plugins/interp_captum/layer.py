"""The layer whose map is explained, and its PyTorch module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import Field

from interp_captum.method import CaptumParams

if TYPE_CHECKING:
    from torch import nn


LAYER = Field(None, description="layer whose channels are weighed; default: the last map")


class LayerParams(CaptumParams):
    """What a method that explains a layer's map is asked."""

    layer: str | None = LAYER
    positive: bool = Field(False, description="show only what speaks for the target (ReLU)")


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
