"""Decoupling's measures of a model on a data set, as metrics with parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.evaluation.bootstrap import estimate
from interp.method import Attack
from interp.metric import Measurement, ModelMetric
from interp.params import Params
from interp.training.samples import labelled
from interp_decoupling.features import look
from interp_decoupling.known import known_of
from interp_decoupling.metric.detection import Classifier, detect
from interp_decoupling.path import diversity

if TYPE_CHECKING:
    from torch import Tensor

    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter
    from interp_decoupling.known import Known

BATCH = 32


@dataclass(frozen=True)
class PathMetric(ModelMetric):
    """A measure with parameters."""

    Params: ClassVar[type[Params]] = Params


@dataclass(frozen=True)
class PathDiversity(PathMetric):
    """mean over images of |z - mean z|_1 over the number of filters: 0 is pruning."""

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """Of whole paths."""
        codes = look(model, known_of(model), dataset, context).paths.codes
        return Measurement(diversity(codes), "share of filters", True, count=len(codes))


@dataclass(frozen=True)
class PathWork(PathMetric):
    """Multiply-adds of the filters that are on, modules included, over the plain network's."""

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """With an interval over images."""
        known = known_of(model)
        paths = look(model, known, dataset, context).paths
        share = known.work.share(paths.codes, paths.filters)
        generator = np.random.default_rng(context.seed)
        return estimate(share, generator, "share of the plain network's", False)


class DetectionParams(Params):
    """The attack and the detector."""

    attack: str = Field("pgd", description="on the true label: fgsm, pgd, or another's name")
    eps: float = Field(4 / 255, gt=0, le=1, description="largest change of a pixel in [0, 1]")
    steps: int = Field(10, ge=1, description="of PGD, each 2.5 eps / steps")
    train: int = Field(5, ge=1, description="images a class, in both versions, to learn from")
    repeats: int = Field(5, ge=1, description="draws of these images")
    classifier: Classifier = Field(
        "forest", description="random forest, AdaBoost, or boosted trees"
    )
    of: Literal["path", "features"] = Field(
        "path", description="codes, or the last controlled layer's maps, pooled"
    )


@dataclass(frozen=True)
class PathDetection(PathMetric):
    """How well a classifier on calculation paths tells attacked images from clean ones: AUC."""

    Params: ClassVar[type[Params]] = DetectionParams

    params: DetectionParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """On images that the detector has not seen, a mean over draws."""
        asked = self.params
        known = known_of(model)
        versions = versions_of(model, dataset, asked, list(known.filters)[-1], known, context)
        clean, attacked = versions.of(asked.of)
        found = [
            detect(
                clean, attacked, versions.labels, asked.train, asked.classifier,
                [context.seed, each],
            )
            for each in range(asked.repeats)
        ]  # fmt: skip
        return Measurement(float(np.mean(found)), "auc", True, count=len(clean))


@dataclass(frozen=True, eq=False)
class Versions:
    """Images as they are and attacked: their paths (N, F) and pooled features (N, K)."""

    path: tuple[np.ndarray, np.ndarray]
    features: tuple[np.ndarray, np.ndarray]
    labels: np.ndarray
    fooled: float
    """Share of the attacked that are not classified as their label."""

    def of(self, what: Literal["path", "features"]) -> tuple[np.ndarray, np.ndarray]:
        """Clean and attacked, one image a row."""
        return self.path if what == "path" else self.features


def versions_of(
    model: ModelAdapter,
    dataset: Dataset,
    asked: DetectionParams,
    layer: str,
    known: Known | None,
    context: Context,
) -> Versions:
    """Every labelled image, clean and attacked, as detectors see it: the features of a layer, and
    the paths of a network of which they are known.
    """
    import torch

    samples = labelled(model, dataset, context)
    attack: Attack = context.lookup("attack", asked.attack)()
    found: list[list[np.ndarray]] = [[], [], [], []]
    fooled = 0

    def pooled(images: Tensor) -> np.ndarray:
        maps: np.ndarray = model.activations(images, [layer])[layer].mean((2, 3)).cpu().numpy()
        return maps

    def path(images: Tensor) -> np.ndarray:
        return np.zeros((len(images), 0)) if known is None else known.read(model, images)

    for chosen, images in samples.batches(context, "attacking", BATCH):
        labels = torch.from_numpy(samples.labels[chosen]).to(images.device)
        moved = attack.perturb(model, images, labels, asked.eps, asked.steps)
        rows = path(images), path(moved), pooled(images), pooled(moved)
        for whole, part in zip(found, rows, strict=True):
            whole.append(part)
        fooled += int((model.predict(moved).argmax(1) != labels).sum())
    first, second, features, changed = (np.concatenate(each) for each in found)
    share = fooled / len(samples)
    return Versions((first, second), (features, changed), samples.labels, share)
