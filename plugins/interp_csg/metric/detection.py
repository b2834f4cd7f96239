"""Telling attacked images by their pooled features: a random forest on images it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Detection:
    """Area under the ROC curve and error rate of a detector, means over repeats."""

    auc: float
    error: float


def detect(
    clean: np.ndarray, attacked: np.ndarray, train: int, repeats: int, seed: int
) -> Detection:
    """How well a forest tells clean (N, K) from attacked (N, K) features, row by row one image.

    Each repeat draws `train` images, of which it sees both versions, and is judged on both
    versions of the others. 1 is clean. AUC is taken from the forest's probabilities.
    """
    return _mean([_once(clean, attacked, train, [seed, each]) for each in range(repeats)])


def _once(clean: np.ndarray, attacked: np.ndarray, train: int, seed: list[int]) -> Detection:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(seed)
    order = generator.permutation(len(clean))
    seen, unseen = order[:train], order[train:]

    def both(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.vstack([clean[rows], attacked[rows]]), np.repeat([1, 0], len(rows))

    forest = RandomForestClassifier(50, random_state=int(generator.integers(2**31)))
    forest.fit(*both(seen))
    features, truth = both(unseen)
    chance = forest.predict_proba(features)[:, 1]
    wrong = (chance >= 0.5) != (truth == 1)
    return Detection(float(roc_auc_score(truth, chance)), float(wrong.mean()))


def _mean(found: list[Detection]) -> Detection:
    pick: Callable[[str], float] = lambda name: float(np.mean([getattr(e, name) for e in found]))  # noqa: E731
    return Detection(pick("auc"), pick("error"))
