"""Location instability: how much a filter's peak moves relative to an object's parts."""

from __future__ import annotations

from typing import Literal

import numpy as np

Over = Literal["mean", "best"]
"""The mean over all parts, or the part with which a filter is most stable."""
HIGHEST = 100
"""Number of images with a filter's highest peaks, of those that show a part."""


def distances(peaks: np.ndarray, parts: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """|p_k - mu| / sqrt(w^2 + h^2), (N, F, K): peaks mu (N, F, 2), parts p (N, K, 2), size (h, w).

    NaN where an image does not show a part.
    """
    apart = np.linalg.norm(peaks[:, :, None] - parts[:, None], axis=3)
    return np.asarray(apart / np.hypot(*size))


def instability(apart: np.ndarray, score: np.ndarray, highest: int = HIGHEST) -> np.ndarray:
    """Standard deviation (N - 1) of distances (N, F, K) over images, (F, K).

    For each filter and part over the images with the highest peak scores (N, F) of those that show
    the part; NaN where these are fewer than two.
    """
    order = np.where(np.isnan(apart), np.inf, -score[:, :, None]).argsort(0, kind="stable")
    taken = np.ma.masked_invalid(np.take_along_axis(apart, order[:highest], 0))
    return np.asarray(taken.std(0, ddof=1).filled(np.nan))


def by_filter(
    apart: np.ndarray, score: np.ndarray, groups: np.ndarray, over: Over = "mean"
) -> np.ndarray:
    """Each filter's instability (F,) over its parts, in the group of images where it is smallest.

    groups (N,): one number for all images, or their classes, as the text says of several classes.
    Infinite where no part is seen twice.
    """
    found = []
    for group in np.unique(groups):
        each = np.ma.masked_invalid(instability(apart[groups == group], score[groups == group]))
        found.append((each.mean(1) if over == "mean" else each.min(1)).filled(np.inf))
    return np.asarray(np.min(found, 0))
