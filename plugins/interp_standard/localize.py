"""How a map compares with where objects are: boxes around its strongest parts, its share there."""

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
