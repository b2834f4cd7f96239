"""Boxes around the strongest parts of a map, and their overlap with true boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interp.dataset import Box
from interp.errors import InputError


def largest_box(values: np.ndarray, share: float) -> Box | None:
    """The box around the map's largest component at a share of its maximum; None: nothing lit."""
    if not 0 <= share <= 1:
        raise InputError(f"found a threshold of {share}; expected a share of the maximum in [0, 1]")
    found = components(check_map(values), share * values.max())
    return (*map(float, found[0, :4]),) if len(found) else None  # type: ignore[return-value]


def components(values: np.ndarray, level: float) -> np.ndarray:
    """Connected parts of the map (H, W) that are positive and at least `level`, (M, 5) int.

    Each is left, top, right, bottom at pixel edges and its number of pixels; diagonal neighbours
    touch. The largest comes first, of equal ones the upper, then the left one.
    """
    import cv2

    lit = ((values > 0) & (values >= level)).view(np.uint8)
    label = cv2.CV_16U if lit.size < 1 << 17 else cv2.CV_32S  # twice as fast; labels must fit
    _, _, stats, _ = cv2.connectedComponentsWithStats(lit, connectivity=8, ltype=label)
    left, top, width, height, pixels = stats[1:].T  # 0 is what is not lit
    order = np.lexsort((left, top, -pixels))
    return np.stack([left, top, left + width, top + height, pixels], 1)[order]


def iou(boxes: np.ndarray | Sequence[Box], truths: np.ndarray | Sequence[Box]) -> np.ndarray:
    """Intersection over union of every box (N, 4) with every truth (M, 4), (N, M)."""
    a, b = np.asarray(boxes, float)[:, None], np.asarray(truths, float)[None]
    overlap = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    common = overlap.clip(0).prod(-1)
    return common / (area(a) + area(b) - common)


def area(boxes: np.ndarray) -> np.ndarray:
    """Width times height of boxes (..., 4)."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def check_map(values: np.ndarray) -> np.ndarray:
    """The map itself; raises InputError unless it is (H, W) and finite."""
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise InputError(
            f"found a map of {values.shape} that is no finite (H, W) array; "
            "expected one finite value per pixel; check the method's map"
        )
    return values
