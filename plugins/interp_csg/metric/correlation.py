"""How alike filters are, and classes: cosines of kernels, of gates, of mean features."""

from __future__ import annotations

import numpy as np


def filter_correlation(kernels: np.ndarray) -> np.ndarray:
    """|W W^T - I| (K, K), W being the filters' kernels (K, ...) flattened to unit length."""
    flat = _unit(kernels.reshape(len(kernels), -1))
    return np.abs(flat @ flat.T - np.eye(len(flat)))


def class_correlation(rows: np.ndarray) -> np.ndarray:
    """Cosine between classes (C, C), from one row each: gates (C, K), or mean features."""
    unit = _unit(rows)
    found: np.ndarray = unit @ unit.T
    return found


def class_means(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Mean features (C, K) of each class's images; 0 for a class without images."""
    found = np.zeros((classes, features.shape[1]))
    for label in np.unique(labels):
        found[label] = features[labels == label].mean(0)
    return found


def off_diagonal(square: np.ndarray) -> float:
    """Mean of a square matrix beside its diagonal."""
    count = len(square)
    return float((square.sum() - np.trace(square)) / (count * (count - 1)))


def _unit(rows: np.ndarray) -> np.ndarray:
    found: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)
    return found
