"""Refined CHIP: maps of several layers combined into one map, sharp and class-specific."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interp_chip.params import Rule


def refine(maps: Sequence[np.ndarray], rule: Rule) -> np.ndarray:
    """Combine signed maps (H, W), ordered from shallow to deep, into one map in [0, 1].

    product: product of the positive parts, each scaled to [0, 1]: the deep map selects the class,
    the shallow one the place. absolute: the deepest positive part times the absolute values of
    the shallower maps. mean: mean of the positive parts. The published figure does not say which
    rule the paper uses; these three are ours.
    """
    positive = [_scaled(np.maximum(each, 0)) for each in maps]
    if rule == "mean":
        return _scaled(np.mean(positive, axis=0))
    if rule == "absolute":
        positive[:-1] = [_scaled(np.abs(each)) for each in maps[:-1]]
    return _scaled(np.prod(positive, axis=0))


def _scaled(values: np.ndarray) -> np.ndarray:
    return values / max(float(values.max()), 1e-30)
