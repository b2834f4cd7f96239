"""The maps that stand for an explanation where pictures are set side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from interp.errors import UnsupportedError
from interp.evidence import Evidence
from interp.explanation import Explanation

STRONGEST = 0.5
"""Percent of a map's pixels that take the full colour. With the single largest one as its end, a
map of noisy pixels would be blank."""


def shown(found: Explanation, targets: Sequence[str], image: int = 0) -> dict[str, Evidence]:
    """The evidence that stands for each target; those without a map are left out."""
    standing = {}
    for target in targets:
        try:
            standing[target] = found.mapped(target, image)
        except UnsupportedError:
            continue
    return standing


def full_colour(evidence: Iterable[Evidence]) -> float:
    """The |value| from which on these maps are drawn in full colour."""
    return max((_strong(each.map()) for each in evidence), default=0.0)


def _strong(values: np.ndarray | None) -> float:
    if values is None or not values.size:
        return 0.0
    size = np.abs(values)
    return float(np.percentile(size, 100 - STRONGEST)) or float(size.max())
