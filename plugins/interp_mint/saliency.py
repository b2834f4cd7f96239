"""Where the deep layer supports a target: gradient times activation, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp.context import Context
from interp.cut import Cut, Frontier, Output
from interp.engine.slopes import Slopes
from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.spec import Layer
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor

SATURATED = 1e-6
"""A probability above 1 minus this has no slope left in float32."""


def deep_cut(model: ModelAdapter, pixels: Tensor) -> tuple[Cut, Frontier]:
    """The paper's deep layer: a cut at the last map that the scores depend on.

    UnsupportedError where no map can be cut.
    """
    layer = model.map_layer()
    if layer.cut == "none":
        raise UnsupportedError(f"{model.spec.name} has no grid to cut at; mint needs one")
    cut = model.cut(layer.name)
    return cut, cut.prefix(pixels[None])


def shallow_layer(model: ModelAdapter, stride: float) -> Layer:
    """The last map whose cells are at most `stride` input pixels apart, or the finest map.

    Raises UnsupportedError where the model has no map.
    """
    size, found = model.spec.input.size, model.maps() or [model.map_layer()]
    fine = [each for each in found if _stride(each, size) <= stride]
    return fine[-1] if fine else min(found, key=lambda each: _stride(each, size))


def saliency(
    model: ModelAdapter, cut: Cut, frontier: Frontier, target: Target, context: Context
) -> np.ndarray:
    """S(m, n) = sum_l dg/dA^l(m, n) A^l(m, n) on the layer's grid, (gh, gw); g the probability.

    Where g is saturated the logit's slope stands in for it (ours).
    """
    scores = cut.suffix(frontier, frontier.activation)
    level = float(target.select(model.probabilities(scores)[0]).abs())
    output: Output = "logit" if level > 1 - SATURATED else "prob"
    slopes = Slopes(cut, frontier, [target], output, context)
    return np.asarray(slopes.by_cell(frontier.activation.float())[0].double().cpu().numpy())


def channel_sum(activation: Tensor) -> np.ndarray:
    """sum_l A^l(m, n) of the first image's maps (N, C, gh, gw), (gh, gw)."""
    return np.asarray(activation[0].double().sum(0).cpu().numpy())


def _grid(layer: Layer) -> tuple[int, int]:
    if layer.grid is None:
        raise UnsupportedError(f"layer {layer.name} has no grid; choose one that has")
    return layer.grid


def _stride(layer: Layer, size: tuple[int, int]) -> float:
    grid = _grid(layer)
    return max(length / cells for length, cells in zip(size, grid, strict=True))
