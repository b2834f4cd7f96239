"""Telling attacked images by their pooled features: a random forest on images it has not seen."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from interp.errors import UnsupportedError

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter

Attack = Literal["fgsm", "pgd"]


@dataclass(frozen=True)
class Detection:
    """Area under the ROC curve and error rate of a detector, means over repeats."""

    auc: float
    error: float


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
