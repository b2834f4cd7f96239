"""How alike classes are: their mean features, and cosines between rows."""

from __future__ import annotations

import numpy as np


def class_means(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Mean features (C, K) of each class's images, from (N, K); 0 for a class without images."""
    means = np.zeros((classes, features.shape[1]))
    for label in np.unique(labels):
        means[label] = features[labels == label].mean(0)
    return means


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows (N, K) divided by their Euclidean length; rows of zeros stay."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30))


def cosines(rows: np.ndarray) -> np.ndarray:
    """Cosine similarity between rows (N, K), as (N, N); 0 for a row of zeros."""
    unit = unit_rows(rows)
    return np.asarray(unit @ unit.T)
