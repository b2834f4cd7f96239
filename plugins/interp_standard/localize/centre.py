"""The map that sees nothing: a Gaussian in the middle, which photographers make hard to beat."""

from __future__ import annotations

import numpy as np

SIGMA = 0.25
"""Standard deviation as a share of each side; our choice."""


def centre(shape: tuple[int, int], sigma: float = SIGMA) -> np.ndarray:
    """A Gaussian (H, W) around the image's centre, 1 at most."""
    rows, columns = (np.exp(-(_offset(side) ** 2) / (2 * sigma**2)) for side in shape)
    return np.outer(rows, columns).astype(np.float32)


def _offset(side: int) -> np.ndarray:
    """Pixel centres from the middle, as shares of the side, (side,)."""
    return (np.arange(side) + 0.5) / side - 0.5
