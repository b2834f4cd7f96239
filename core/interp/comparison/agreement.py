"""How far maps agree: by rank correlation over the pixels that the model sees, and by peaks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interp.network.placement import place
from interp.result.peak import peak
from interp.spec import InputSpec

FINEST = 224
"""Pixels of the longer side at which maps are compared; larger maps are averaged."""
BLUR = 0.02
"""Standard deviation of the blur under which peaks are compared, in longer sides."""


def agreement(maps: Sequence[np.ndarray | None], spec: InputSpec) -> np.ndarray:
    """Spearman's rank correlation of signed maps (H, W) of one image, (M, M).

    Signed, because "for" and "against" are opposite claims. NaN for a missing or constant map.
    """
    found = np.full((len(maps), len(maps)), np.nan)
    present = [at for at, each in enumerate(maps) if each is not None]
    if present:
        values = np.stack([_visible(maps[at], spec) for at in present])  # (M', pixels)
        ranks = [mean_ranks(each) for each in values]
        with np.errstate(invalid="ignore", divide="ignore"):
            found[np.ix_(present, present)] = np.atleast_2d(np.corrcoef(ranks))
    return found


def mean_ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value (N,), from 1; equal values have the mean of their ranks.

    As scipy.stats.rankdata, whose import takes half a second.
    """
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    found: np.ndarray = (counts.cumsum() - (counts - 1) / 2)[which]
    return found


def peaks(maps: Sequence[np.ndarray | None]) -> list[tuple[float, float] | None]:
    """Where each map (H, W) is largest once single pixels are smoothed, as shares; see `peak`."""
    return [None if each is None else peak(_smooth(each)) for each in maps]


def _smooth(values: np.ndarray) -> np.ndarray:
    """A map at the common resolution, blurred, so that noise of single pixels has no peak."""
    import cv2

    whole = np.asarray(values, np.float64)
    shrink = min(1.0, FINEST / max(whole.shape))
    size = [max(1, round(side * shrink)) for side in whole.shape[::-1]]
    small = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), BLUR * max(small.shape)))


def _visible(values: np.ndarray | None, spec: InputSpec) -> np.ndarray:
    """The map's values where the network's input lies, at a common resolution, flat."""
    import cv2

    whole = np.asarray(values, np.float64)
    inside = place(whole.shape, spec).to_image(np.ones(spec.size, np.float32))
    shrink = min(1.0, FINEST / max(whole.shape))
    size = [max(1, round(side * shrink)) for side in whole.shape[::-1]]
    small, share = (
        cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (whole, inside)
    )
    flat: np.ndarray = small[share > 0.5]
    return flat


def json_rows(matrix: np.ndarray) -> list[list[float | None]]:
    """A matrix as rows for JSON: six digits, None where undefined."""
    return [[round(float(v), 6) if np.isfinite(v) else None for v in row] for row in matrix]
