"""How alike maps of one image are, as one number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from interp.comparison.agreement import agreement
from interp.spec import InputSpec


def alike(maps: Sequence[np.ndarray], spec: InputSpec) -> float:
    """Mean rank correlation over pairs of maps (H, W); of constant ones 1 if equal, else 0."""
    found = agreement(maps, spec)
    pairs = [
        found[a, b] if np.isfinite(found[a, b]) else float(np.array_equal(maps[a], maps[b]))
        for a, b in combinations(range(len(maps)), 2)
    ]
    return float(np.mean(pairs))
