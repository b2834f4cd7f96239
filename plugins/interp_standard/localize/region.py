"""The object's pixels, and how much of a map lies on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interp.dataset import Box


def inside(boxes: Sequence[Box], shape: tuple[int, int]) -> np.ndarray:
    """The pixels whose centre lies in any of the boxes, (H, W) bool."""
    rows, columns = np.arange(shape[0])[:, None] + 0.5, np.arange(shape[1]) + 0.5
    found = np.zeros(shape, bool)
    for left, top, right, bottom in boxes:
        found |= (left <= columns) & (columns <= right) & (top <= rows) & (rows <= bottom)
    return found


def energy(values: np.ndarray, region: np.ndarray) -> float:
    """Share of the positive map that lies in the region; 0 for a map without positive value."""
    positive = values.clip(0)
    total = positive.sum(dtype=float)
    return float(positive[region].sum(dtype=float) / total) if total > 0 else 0.0


def pointing(values: np.ndarray, region: np.ndarray, tolerance: float = 0) -> float:
    """Whether the map's maximum lies within `tolerance` pixels of the region: 1 or 0.

    Equal maxima count by the share of them that do, as if one were drawn by lot. A map without
    positive value points nowhere: 0.
    """
    if values.max() <= 0:
        return 0.0
    return float(_dilated(region, tolerance)[values == values.max()].mean())


def _dilated(region: np.ndarray, tolerance: float) -> np.ndarray:
    """The pixels whose centre is within `tolerance` of a centre in the region."""
    import cv2

    if not tolerance or not region.any():
        return region
    distance = cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= tolerance)
