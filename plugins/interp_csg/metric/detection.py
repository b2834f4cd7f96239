"""Telling attacked images by their pooled features: a random forest on images it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Detection:
    """Area under the ROC curve and error rate of a detector, means over repeats."""

    auc: float
    error: float


@dataclass(frozen=True, eq=False)
class Judged:
    """How probably clean (n,) a detector finds both versions of images, of the rows (n,)."""

    rows: np.ndarray
    clean: np.ndarray
    attacked: np.ndarray

    def auc(self, weights: np.ndarray | None = None) -> float:
        """Area under the ROC curve; weights (n,) count an image more than once."""
        from sklearn.metrics import roc_auc_score

        chances = np.concatenate([self.clean, self.attacked])
        twice = None if weights is None else np.tile(weights, 2)
        truth = np.repeat([1, 0], len(self.rows))
        return float(roc_auc_score(truth, chances, sample_weight=twice))

    def error(self) -> float:
        """Share that is judged wrongly, with .5 as the limit."""
        return float(((self.clean < 0.5).mean() + (self.attacked >= 0.5).mean()) / 2)


def detect(
    clean: np.ndarray, attacked: np.ndarray, train: int, repeats: int, seed: int
) -> Detection:
    """How well a forest tells clean (N, K) from attacked (N, K) features, row by row one image.

    Each repeat draws `train` images, of which it sees both versions, and is judged on both
    versions of the others. 1 is clean. AUC is taken from the forest's probabilities.
    """
    found = [judge(clean, attacked, train, [seed, each]) for each in range(repeats)]
    return Detection(
        float(np.mean([each.auc() for each in found])),
        float(np.mean([each.error() for each in found])),
    )


def judge(clean: np.ndarray, attacked: np.ndarray, train: int, seed: list[int]) -> Judged:
    """A forest that has seen both versions of `train` images, on those of the others."""
    from sklearn.ensemble import RandomForestClassifier

    generator = np.random.default_rng(seed)
    order = generator.permutation(len(clean))
    seen, unseen = order[:train], order[train:]
    forest = RandomForestClassifier(50, random_state=int(generator.integers(2**31)))
    forest.fit(np.vstack([clean[seen], attacked[seen]]), np.repeat([1, 0], len(seen)))
    chances = forest.predict_proba(np.vstack([clean[unseen], attacked[unseen]]))[:, 1]
    return Judged(unseen, *np.split(chances, 2))
