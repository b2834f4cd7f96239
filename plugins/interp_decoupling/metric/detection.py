"""Telling attacked images by their paths, with classifiers judged on images they have not seen."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from interp.errors import InputError

Classifier = Literal["forest", "adaboost", "boosting"]


def detect(
    clean: np.ndarray,
    attacked: np.ndarray,
    labels: np.ndarray,
    each: int,
    kind: Classifier,
    seed: list[int],
) -> float:
    """Area under the ROC curve of a classifier that tells clean from attacked images by scores.

    Rows of clean and attacked (N, F) are one image. It learns from both versions of `each` images
    a class, and is judged on both versions of all others. 1 is clean.
    """
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(seed)
    seen = drawn(labels, each, generator)
    judge = _classifier(kind, int(generator.integers(2**31)))
    judge.fit(*_both(clean[seen], attacked[seen]))
    features, truth = _both(clean[~seen], attacked[~seen])
    return float(roc_auc_score(truth, judge.predict_proba(features)[:, 1]))


def drawn(labels: np.ndarray, each: int, generator: np.random.Generator) -> np.ndarray:
    """(N,) bool: `each` images of every class; InputError where a class has no more than that."""
    seen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) <= each:
            raise InputError(
                f"found {len(members)} images of class {label} and --train {each}; expected more "
                "images, some to judge the detector on"
            )
        seen[generator.permutation(members)[:each]] = True
    return seen


def _both(clean: np.ndarray, attacked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.vstack([clean, attacked]), np.repeat([1, 0], len(clean))


def _classifier(kind: Classifier, seed: int) -> Any:
    from sklearn.ensemble import (
        AdaBoostClassifier,
        GradientBoostingClassifier,
        RandomForestClassifier,
    )

    if kind == "forest":
        return RandomForestClassifier(50, random_state=seed)
    boosts = {"adaboost": AdaBoostClassifier, "boosting": GradientBoostingClassifier}
    return boosts[kind](random_state=seed)
