"""Metrics with a setting, such as a threshold, that is chosen on other images than those scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def cross_fitted(curves: Mapping[int, Sequence[float]], higher: bool = True) -> dict[int, float]:
    """Each image's value, by position, at the setting that is best on the other half of the images.

    `curves` hold an image's value at each setting. Halves are even and odd positions; {} where one
    of them has no image.
    """
    halves = [[at for at in curves if at % 2 == half] for half in (0, 1)]
    if not all(halves):
        return {}
    best = [best_setting(np.array([curves[at] for at in half]), higher) for half in halves]
    return {at: float(values[best[1 - at % 2]]) for at, values in curves.items()}


def best_setting(curves: np.ndarray, higher: bool = True) -> int:
    """The setting with the best mean of curves (N, S); of equally good ones the middle one."""
    means = curves.mean(0) if higher else -curves.mean(0)
    best = np.flatnonzero(means >= means.max() - 1e-12)
    return int(best[len(best) // 2])
