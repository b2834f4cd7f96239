"""Telling attacked images by their paths, with classifiers judged on images they have not seen."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from interp.errors import InputError, UnsupportedError

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter

Attack = Literal["fgsm", "pgd"]
Classifier = Literal["forest", "adaboost", "boosting"]


def attack(
    model: ModelAdapter, images: Tensor, labels: Tensor, kind: Attack, eps: float, steps: int
) -> Tensor:
    """Images (B, 3, h, w) in [0, 1] moved by up to eps against their label; Captum's attacks.

    PGD takes `steps` steps of 2.5 eps / steps from the image itself.
    """
    try:
        from captum.robust import FGSM, PGD
    except ImportError as error:
        raise UnsupportedError(
            "attacks need captum, which is not installed: pip install 'interp[captum]'"
        ) from error
    from torch.nn.functional import cross_entropy

    def loss(scores: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(scores, target, reduction="none")

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Input Tensor.*did not already require gradients")
        pixels = images.detach().clone()
        if kind == "fgsm":
            found = FGSM(model.forward, loss, 0.0, 1.0).perturb(pixels, eps, labels)
        else:
            step = 2.5 * eps / steps
            found = PGD(model.forward, loss, 0.0, 1.0).perturb(pixels, eps, step, steps, labels)
    return found.detach()


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
