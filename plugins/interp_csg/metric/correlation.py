"""How alike filters are, and the mean over pairs of a similarity matrix."""

from __future__ import annotations

import numpy as np

from interp.evaluation.similarity import cosines


def filter_correlation(kernels: np.ndarray) -> np.ndarray:
    """|W W^T - I| (K, K), W being the filters' kernels (K, ...) flattened to unit length."""
    return np.abs(cosines(kernels.reshape(len(kernels), -1)) - np.eye(len(kernels)))


def off_diagonal(square: np.ndarray) -> float:
    """Mean of a square matrix beside its diagonal."""
    count = len(square)
    return float((square.sum() - np.trace(square)) / (count * (count - 1)))
