"""Network dissection: where a filter is active, and how far that overlaps with an object.

Source: D. Bau et al., Network Dissection, CVPR 2017.
"""

from __future__ import annotations

import numpy as np

from interp.network.placement import Placement
from interp.spec import ReceptiveField


def thresholds(maps: np.ndarray, top: float) -> np.ndarray:
    """Activation (K,) that the `top` share of a filter's cells on all images exceeds.

    maps (N, K, h, w) of any floating type; half precision is computed in float32.
    """
    flat = np.moveaxis(maps, 1, 0).reshape(maps.shape[1], -1)
    exact = flat.astype(np.promote_types(flat.dtype, np.float32), copy=False)
    return np.asarray(np.quantile(exact, 1 - top, axis=1))


def maps_to_input(
    maps: np.ndarray, placement: Placement, field: ReceptiveField | None
) -> np.ndarray:
    """Maps (K, gh, gw) on a layer's grid over the network's input, (K, h, w)."""
    rows, columns = (placement.interpolation(axis, maps.shape[1:], field) for axis in (0, 1))
    return np.asarray(rows @ maps @ columns.T)


def mask_to_input(mask: np.ndarray, placement: Placement) -> np.ndarray:
    """A mask (H, W) bool over the original image as shares (h, w) of the input's pixels."""
    return placement.to_input(mask.astype(np.uint8) * 255, pad=0.0)


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of masks (..., h, w) bool; 0 where both are empty."""
    both, either = (first & second).sum((-2, -1)), (first | second).sum((-2, -1))
    return np.asarray(both / np.maximum(either, 1))
