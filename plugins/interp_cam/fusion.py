"""Maps of several layers as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

Fusion = Literal["mean", "max", "product"]
SHARE = "share of the largest"
"""Unit of fused maps."""


def fuse(maps: Sequence[np.ndarray], rule: Fusion) -> np.ndarray:
    """The maps (B, T, h, w) of several layers as one in [0, 1], by their mean, maximum or product.

    Layers' maps are of different unit: each, which has no negative values, is scaled to 0..1.
    """
    shares = np.stack([_to_share(each) for each in maps])  # (layers, B, T, h, w)
    rules: dict[Fusion, Callable[..., np.ndarray]] = {
        "mean": np.mean,
        "max": np.max,
        "product": np.prod,
    }
    return rules[rule](shares, axis=0)


def _to_share(maps: np.ndarray) -> np.ndarray:
    """Maps scaled so that the least value of each is 0 and its largest 1.

    A map that is the same everywhere tells no place from another, and is 1 everywhere.
    """
    least = maps.min((2, 3), keepdims=True)
    spread = maps.max((2, 3), keepdims=True) - least
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, (maps - least) / spread, 1).astype(np.float32)
