"""Density of the gate matrix, and the interval that it can lie in."""

from __future__ import annotations

import numpy as np


def density(gates: np.ndarray) -> float:
    """|G|_1 / (C K) of gates (C, K)."""
    return float(np.abs(gates).mean())


def interval(classes: int, sparsity: float) -> tuple[float, float]:
    """[1 / C, g / (C K)] with g = sparsity * K: what the projection and the hinge allow."""
    return 1 / classes, min(sparsity, classes) / classes
