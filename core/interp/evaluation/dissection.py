"""Where a filter is on: the thresholds of network dissection, shared by the methods that ask it."""

from __future__ import annotations

import numpy as np


def thresholds(maps: np.ndarray, top: float) -> np.ndarray:
    """T (K,): what the `top` share of a filter's activations on all images and cells exceeds.

    maps (N, K, h, w), any float; of half precision in float32. Source: network dissection, Bau et
    al. 2017.
    """
    flat = np.moveaxis(maps, 1, 0).reshape(maps.shape[1], -1)
    exact = flat.astype(np.promote_types(flat.dtype, np.float32), copy=False)
    found: np.ndarray = np.quantile(exact, 1 - top, axis=1)
    return found
