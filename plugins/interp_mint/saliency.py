"""Where the deep layer supports a target: gradient times activation, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from interp.errors import UnsupportedError
from interp.model import Cut, Frontier, ModelAdapter, Output
from interp.spec import Layer
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor

BYTES = 1 << 25
"""Memory for the directions of one call to `derivative`."""

SATURATED = 1e-6
"""A probability above 1 minus this has no slope left in float32."""


def deep_cut(model: ModelAdapter, pixels: Tensor) -> tuple[Cut, Frontier]:
    """The paper's deep layer: a cut at the last map whose cells the scores depend on.

    After a transformer's last attention they depend on the class token alone. Raises
    UnsupportedError where there is no such map.
    """
    for layer in reversed(model.maps()):
        if layer.cut != "none":
            cut = model.cut(layer.name)
            frontier = cut.prefix(pixels[None])
            if _matters(cut, frontier):
                return cut, frontier
    raise UnsupportedError(f"{model.spec.name} has no grid to cut at; mint needs one")


def shallow_layer(model: ModelAdapter, stride: float) -> Layer:
    """The last map whose cells are at most `stride` input pixels apart, or the finest map."""
    size, found = model.spec.input.size, model.maps()
    fine = [each for each in found if _stride(each, size) <= stride]
    return fine[-1] if fine else min(found, key=lambda each: _stride(each, size))


def saliency(model: ModelAdapter, cut: Cut, frontier: Frontier, target: Target) -> np.ndarray:
    """S(m, n) = sum_l dg/dA^l(m, n) A^l(m, n) on the layer's grid, (gh, gw); g the probability.

    Where g is saturated the logit's slope stands in for it (ours).
    """
    scores = cut.suffix(frontier, frontier.activation)
    level = float(target.select(model.probabilities(scores)[0]).abs())
    output: Output = "logit" if level > 1 - SATURATED else "prob"
    slopes = [
        cut.derivative(frontier, directions, [target], output)[:, 0].double().cpu().numpy()
        for directions in _cells(frontier.activation, cut.layer)
    ]
    return np.concatenate(slopes).reshape(_grid(cut.layer))


def channel_sum(activation: Tensor, layer: Layer) -> np.ndarray:
    """sum_l A^l(m, n) of the first image, on the layer's grid, (gh, gw)."""
    values = activation[0].double()
    if layer.layout == "tokens":
        rows, columns = _grid(layer)
        values = values[-rows * columns :].T.reshape(-1, rows, columns)
    return np.asarray(values.sum(0).cpu().numpy())


def _cells(activation: Tensor, layer: Layer) -> Iterator[Tensor]:
    """The activation masked to one cell each, all cells in order, in batches (M, ...)."""
    import torch

    rows, columns = _grid(layer)
    cells = rows * columns
    batch = max(1, BYTES // max(activation[0].nbytes, 1))
    flat = activation[0].flatten(1) if layer.layout == "NCHW" else activation[0].T
    extra = flat.shape[1] - cells  # a class token stands before the grid's

    for begin in range(0, cells, batch):
        where = torch.arange(begin, min(begin + batch, cells), device=flat.device) + extra
        masked = torch.zeros(len(where), *flat.shape, dtype=flat.dtype, device=flat.device)
        masked[torch.arange(len(where)), :, where] = flat[:, where].T
        masked = masked if layer.layout == "NCHW" else masked.mT
        yield masked.reshape(-1, *activation.shape[1:])


def _matters(cut: Cut, frontier: Frontier) -> bool:
    """Whether the scores change when all cells are zero."""
    rows, columns = _grid(cut.layer)
    without = frontier.activation.clone()
    if cut.layer.layout == "tokens":
        without[:, -rows * columns :] = 0
    else:
        without.zero_()
    apart = cut.suffix(frontier, without) - cut.suffix(frontier, frontier.activation)
    return bool(apart.abs().max() > 0)


def _grid(layer: Layer) -> tuple[int, int]:
    if layer.grid is None:
        raise UnsupportedError(f"layer {layer.name} has no grid; choose one that has")
    return layer.grid


def _stride(layer: Layer, size: tuple[int, int]) -> float:
    grid = _grid(layer)
    return max(length / cells for length, cells in zip(size, grid, strict=True))
