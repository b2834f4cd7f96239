"""A map's boxes at a hundred thresholds at once, and the threshold that suits a method."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from interp.context import Progress, no_progress
from interp.dataset import Box
from interp_standard.localize.box import checked, components, iou

SHARES = np.arange(100) / 100
"""Thresholds tried, as shares of the map's maximum."""
SIDE = 224
"""Larger maps are brought to this side first, as Choe et al. do."""


def sweep(values: np.ndarray, truths: Sequence[Box]) -> tuple[np.ndarray, np.ndarray]:
    """IoU at each of SHARES of the largest component, and of the best component, each (S,).

    The truth that fits best counts; 0 where nothing is lit.
    """
    small, scale = _shrunk(checked(values))
    owner, found = _all_components(small)
    largest, best = np.zeros(len(SHARES)), np.zeros(len(SHARES))
    if len(found):
        fit = iou(found[:, :4] * scale, truths).max(1)
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        largest[owner[first]] = fit[first]
        best[owner[first]] = np.maximum.reduceat(fit, first)
    return largest, best


def tune(
    maps: Iterable[np.ndarray],
    boxes: Sequence[Sequence[Box]],
    accept: float = 0.5,
    progress: Progress = no_progress,
) -> float:
    """The share at which most largest boxes reach the IoU `accept`, for use on other images.

    Of equally good shares the middle one.
    """
    hits = np.zeros(len(SHARES))
    for done, (values, truths) in enumerate(zip(maps, boxes, strict=True), 1):
        hits += sweep(values, truths)[0] >= accept
        progress("tuning the threshold", done, len(boxes))
    best = np.flatnonzero(hits == hits.max())
    return float(SHARES[best[len(best) // 2]])


def _all_components(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index into SHARES (M,) and box with pixels (M, 5) of every component at every share."""
    owners, found = [np.zeros(0, int)], [np.zeros((0, 5), int)]
    peak, corner = values.max(), np.zeros(5, int)
    for index, share in enumerate(SHARES):
        here = components(values, share * peak)
        if not len(here):
            break
        owners.append(np.full(len(here), index))
        found.append(here + corner)
        # What a higher share lights lies within what this one lights: look only there.
        (left, top), (right, bottom) = here[:, :2].min(0), here[:, 2:4].max(0)
        values = values[top:bottom, left:right]
        corner += [left, top, left, top, 0]
    return np.concatenate(owners), np.concatenate(found)


def _shrunk(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The map with sides of at most SIDE, and what scales its boxes back, (4,)."""
    import cv2

    height, width = values.shape
    size = (min(width, SIDE), min(height, SIDE))
    scale = np.array([width / size[0], height / size[1]] * 2)
    return cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA), scale
