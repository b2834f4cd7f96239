"""Refined CHIP: maps of several layers combined into one that is sharp and of the class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interp_chip.params import Rule


def refine(maps: Sequence[np.ndarray], rule: Rule) -> np.ndarray:
    """Signed maps (H, W) from shallow to deep as one in [0, 1].

    product: of the positive parts, each scaled to [0, 1]: the deep map selects the class, the
    shallow one the place. absolute: the deepest positive part times the shallower ones' size.
    mean: of the positive parts. Which rule the paper uses is not known; these are ours.
    """
    positive = [scaled(np.maximum(each, 0)) for each in maps]
    if rule == "mean":
        return scaled(np.mean(positive, axis=0))
    if rule == "absolute":
        shallow = [scaled(np.abs(each)) for each in maps[:-1]]
        return scaled(np.prod([*shallow, positive[-1]], axis=0))
    return scaled(np.prod(positive, axis=0))


def scaled(values: np.ndarray) -> np.ndarray:
    """Values from 0 up divided by their largest; zeros where all are."""
    return values / max(float(values.max()), 1e-30)
