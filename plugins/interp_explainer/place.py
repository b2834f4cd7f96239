"""Where cells of a grid lie in the network's input, and points in the original image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from interp.network.placement import Placement
    from interp.spec import Layer


def peak_points(maps: np.ndarray, layer: Layer, size: tuple[int, int]) -> np.ndarray:
    """The centre of each map's largest cell, (..., 2) as (y, x) in the input of this size.

    maps (..., gh, gw). Points as edges count: the first pixel's centre is (.5, .5). Without a
    known receptive field the grid is stretched over the input.
    """
    grid = maps.shape[-2:]
    best = maps.reshape(*maps.shape[:-2], -1).argmax(-1)
    cells = np.stack(np.unravel_index(best, grid), -1)
    field = layer.field
    stretched = np.array(size) / grid
    stride = np.array(field.stride) if field else stretched
    offset = np.array(field.offset) if field else stretched / 2
    found: np.ndarray = offset + cells * stride
    return found


def to_original(points: np.ndarray, placement: Placement) -> np.ndarray:
    """Points (..., 2) of the input in the original image."""
    found: np.ndarray = (points - np.array(placement.shift)) / np.array(placement.scale)
    return found


def to_input(points: np.ndarray, placement: Placement) -> np.ndarray:
    """Points (..., 2) of the original image in the input."""
    found: np.ndarray = points * np.array(placement.scale) + np.array(placement.shift)
    return found


def pixels(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels (..., 2) that points fall on, the nearest ones for points outside."""
    found: np.ndarray = np.clip(np.floor(points), 0, np.array(shape[:2]) - 1).astype(np.int64)
    return found
