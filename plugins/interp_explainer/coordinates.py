"""Points (y, x) on a layer's grid, in the network's input, and in the original image.

Pixel edges are at whole numbers: the first pixel's centre is (.5, .5).
"""

from __future__ import annotations

import numpy as np

from interp.network.placement import Placement
from interp.spec import Layer


def peak_points(maps: np.ndarray, layer: Layer, size: tuple[int, int]) -> np.ndarray:
    """The centre of the largest cell of maps (..., gh, gw), (..., 2) in the input of this size.

    Without a known receptive field the grid is stretched over the input.
    """
    grid = maps.shape[-2:]
    best = maps.reshape(*maps.shape[:-2], -1).argmax(-1)
    cells = np.stack(np.unravel_index(best, grid), -1)
    stride = np.array(layer.field.stride if layer.field else np.array(size) / grid)
    offset = np.array(layer.field.offset) if layer.field else stride / 2
    return np.asarray(offset + cells * stride)


def to_original(points: np.ndarray, placement: Placement) -> np.ndarray:
    """Points (..., 2) of the input in the original image."""
    return np.asarray((points - np.array(placement.shift)) / np.array(placement.scale))


def to_input(points: np.ndarray, placement: Placement) -> np.ndarray:
    """Points (..., 2) of the original image in the input."""
    return np.asarray(points * np.array(placement.scale) + np.array(placement.shift))


def pixels(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels (..., 2) that points fall on, the nearest ones for points outside."""
    return np.asarray(np.clip(np.floor(points), 0, np.array(shape[:2]) - 1), np.int64)
