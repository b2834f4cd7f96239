"""How full the gate matrix is, and between what it can lie."""

from __future__ import annotations

import numpy as np


def density(gates: np.ndarray) -> float:
    """|G|_1 / (C K) of gates (C, K)."""
    return float(np.abs(gates).mean())


def interval(classes: int, sparsity: float) -> tuple[float, float]:
    """[1 / C, g / (C K)] with g = sparsity * K: what the projection and the hinge leave open."""
    return 1 / classes, min(sparsity, classes) / classes
