"""Ablation of a class's filters: confusion and recall with them and without."""

from __future__ import annotations

import numpy as np

from interp_csg.knowledge import CsgKnowledge


def confusion(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many images of class r are classified as c, (C, C), from scores (N, C)."""
    classes = scores.shape[1]
    pairs = labels * classes + scores.argmax(1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def shares(counts: np.ndarray) -> np.ndarray:
    """Confusion with rows that sum to 1; a class without images stays 0."""
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)


def switched(
    learned: CsgKnowledge, features: np.ndarray, labels: np.ndarray, off: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Confusion (C, C) in shares with all filters, and with the filters `off` at zero."""
    before, after = learned.scores(features), learned.scores(features, off)
    return shares(confusion(before, labels)), shares(confusion(after, labels))


def losses(
    learned: CsgKnowledge, features: np.ndarray, labels: np.ndarray, own: float
) -> list[tuple[int, float, float, float]]:
    """Per class: its filters, its recall before and without them, and the change of the others'."""
    found = []
    for label in range(len(learned.classes)):
        off = learned.filters(label, own)
        before, after = (each.diagonal() for each in switched(learned, features, labels, off))
        others = np.delete(after - before, label).mean()
        found.append((len(off), float(before[label]), float(after[label]), float(others)))
    return found
