"""A layer's activation as channel maps on a grid, and as one pooled feature per channel."""

from __future__ import annotations

from torch import Tensor

from interp.errors import InputError
from interp.spec import Layer


def pooled(activation: Tensor, layer: Layer) -> Tensor:
    """Each channel's sum over the grid, a^k = sum_ij A^k(i, j), (N, K) float64."""
    values = activation.double()
    if layer.grid is not None:
        return values.sum((2, 3))
    return values.sum(1) if layer.layout == "tokens" else values


def channel_maps(activation: Tensor, layer: Layer) -> Tensor:
    """Channels on the layer's grid, (N, K, gh, gw). InputError for a layer without a grid."""
    if layer.grid is None:
        raise InputError(f"{layer.name} has no grid to draw; choose a layer that has one")
    return activation
