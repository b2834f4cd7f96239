"""Detection of attacked images: a classifier on features, judged on images it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.errors import InputError
from interp.method import Attack
from interp.params import Params
from interp.training.samples import Samples

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 32
Classifier = Literal["forest", "adaboost", "boosting"]


class DetectionParams(Params):
    """The attack, and what the detector learns from."""

    attack: str = Field("pgd", description="on the true label: fgsm, pgd, or another's name")
    eps: float = Field(4 / 255, gt=0, le=1, description="largest change of a pixel in [0, 1]")
    steps: int = Field(10, ge=1, description="of PGD, each 2.5 eps / steps")
    train: int = Field(5, ge=1, description="images a class, in both versions, to learn from")
    repeats: int = Field(5, ge=1, description="draws of these images")


@dataclass(frozen=True, eq=False)
class Detection:
    """Probabilities (n,) of being clean, for both versions of the images `rows` (n,)."""

    rows: np.ndarray
    clean: np.ndarray
    attacked: np.ndarray

    def auc(self, weights: np.ndarray | None = None) -> float:
        """Area under the ROC curve; weights (n,) count an image more than once."""
        from sklearn.metrics import roc_auc_score

        scores = np.concatenate([self.clean, self.attacked])
        both = None if weights is None else np.tile(weights, 2)
        return float(roc_auc_score(np.repeat([1, 0], len(self.rows)), scores, sample_weight=both))

    def error(self) -> float:
        """Share of images that are classified wrongly, at a threshold of 0.5."""
        return float(((self.clean < 0.5).mean() + (self.attacked >= 0.5).mean()) / 2)


def attacked_features(
    samples: Samples,
    params: DetectionParams,
    context: Context,
    read: Callable[[Tensor], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, F) of samples as they are, and attacked; `read` takes images (B, 3, h, w)."""
    import torch

    attack: Attack = context.lookup("attack", params.attack)()
    clean, attacked = [], []
    for chosen, images in samples.batches(context, "attacking", BATCH):
        labels = torch.from_numpy(samples.labels[chosen]).to(images.device)
        moved = attack.perturb(samples.model, images, labels, params.eps, params.steps)
        clean.append(read(images))
        attacked.append(read(moved))
    return np.concatenate(clean), np.concatenate(attacked)


def draw_images(count: int, train: int, generator: np.random.Generator) -> np.ndarray:
    """Rows (train,) of images to learn from; InputError unless others are left."""
    if train >= count:
        raise InputError(
            f"found {count} images and --train {train}; expected more images, some to judge the "
            "detector on"
        )
    return generator.permutation(count)[:train]


def draw_by_class(labels: np.ndarray, train: int, generator: np.random.Generator) -> np.ndarray:
    """Rows of `train` images of each class, in order; InputError unless others are left."""
    rows = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) <= train:
            raise InputError(
                f"found {len(members)} images of class {label} and --train {train}; expected more "
                "images, some to judge the detector on"
            )
        rows.append(generator.permutation(members)[:train])
    return np.sort(np.concatenate(rows))


def detect(
    clean: np.ndarray,
    attacked: np.ndarray,
    seen: np.ndarray,
    generator: np.random.Generator,
    classifier: Classifier = "forest",
) -> Detection:
    """A classifier that learns from both versions of the rows `seen`, on those of all others.

    clean and attacked (N, F) hold one image a row.
    """
    unseen = np.delete(np.arange(len(clean)), seen)
    detector = _classifier(classifier, int(generator.integers(2**31)))
    detector.fit(np.vstack([clean[seen], attacked[seen]]), np.repeat([1, 0], len(seen)))
    scores = detector.predict_proba(np.vstack([clean[unseen], attacked[unseen]]))[:, 1]
    return Detection(unseen, *np.split(scores, 2))


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
