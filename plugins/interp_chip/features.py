"""A layer's activation as channels on a grid, and its spatial sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from interp.spec import Layer


def pooled(activation: Tensor, layer: Layer) -> Tensor:
    """a^k = sum over places of A^k, (N, K)."""
    values = activation.double()
    if layer.layout == "NCHW":
        return values.sum((2, 3))
    return values.sum(1) if layer.layout == "tokens" else values


def channel_maps(activation: Tensor, layer: Layer) -> Tensor:
    """A^k on the layer's grid, (N, K, gh, gw). InputError where the layer has none."""
    if layer.layout == "NCHW":
        return activation
    if layer.grid is None:
        raise InputError(f"{layer.name} has no grid to draw; choose a layer that has")
    cells = layer.grid[0] * layer.grid[1]
    return activation[:, -cells:].mT.unflatten(2, layer.grid)  # a class token comes first
