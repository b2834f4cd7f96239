"""The boxes of a map at every threshold, against the true ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interp.dataset import Box
from interp_standard.localize import check_map, components, iou

SHARES = np.arange(100) / 100
"""Thresholds tried, as shares of the map's maximum."""
SIDE = 224
"""Larger maps are reduced to this side before thresholds are tried, as Choe et al. do."""


def sweep(values: np.ndarray, truths: Sequence[Box]) -> tuple[np.ndarray, np.ndarray]:
    """IoU at each of SHARES of the largest component, and of the best component, each (S,).

    The truth that fits best counts; 0 where nothing is lit.
    """
    small, scale = _reduce(check_map(values))
    owner, found = _all_components(small)
    largest, best = np.zeros(len(SHARES)), np.zeros(len(SHARES))
    if len(found):
        fit = iou(found[:, :4] * scale, truths).max(1)
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        largest[owner[first]] = fit[first]
        best[owner[first]] = np.maximum.reduceat(fit, first)
    return largest, best


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
        # a higher threshold lights a part of what this one lights: look only there
        (left, top), (right, bottom) = here[:, :2].min(0), here[:, 2:4].max(0)
        values = values[top:bottom, left:right]
        corner += [left, top, left, top, 0]
    return np.concatenate(owners), np.concatenate(found)


def _reduce(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The map with sides of at most SIDE, and the factors that scale its boxes back, (4,)."""
    import cv2

    height, width = values.shape
    size = (min(width, SIDE), min(height, SIDE))
    scale = np.array([width / size[0], height / size[1]] * 2)
    return cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA), scale
