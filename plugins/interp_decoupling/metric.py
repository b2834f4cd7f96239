"""Metrics of decoupled networks: diversity, work, and how visible attacks are in the paths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.dataset import Dataset
from interp.evaluation.bootstrap import SampleMetric
from interp.evaluation.detection import (
    Classifier,
    DetectionParams,
    attacked_features,
    detect,
    draw_by_class,
)
from interp.metric import Measurement, ModelMetric
from interp.model import ModelAdapter
from interp.training.samples import labelled
from interp_decoupling.knowledge import DecouplingKnowledge
from interp_decoupling.path import diversity

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class PathDiversity(ModelMetric):
    """mean over images of |z - mean z|_1 over the number of filters: 0 is pruning."""

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        codes = DecouplingKnowledge.of(model).read_paths(model, dataset, context).paths.codes
        return Measurement(diversity(codes), "share of filters", True, count=len(codes))


@dataclass(frozen=True)
class PathWork(SampleMetric):
    """Multiply-adds of the filters that are on, modules included, over the plain network's."""

    unit = "share of the plain network's"
    higher_is_better = False

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Each image's share, (N,)."""
        learned = DecouplingKnowledge.of(model)
        paths = learned.read_paths(model, dataset, context).paths
        return learned.work.share(paths.codes, paths.filters)


class PathDetectionParams(DetectionParams):
    """The attack and the detector."""

    classifier: Classifier = Field(
        "forest", description="random forest, AdaBoost, or boosted trees"
    )
    of: Literal["path", "features"] = Field(
        "path", description="codes, or the last controlled layer's maps, pooled"
    )


@dataclass(frozen=True)
class PathDetection(ModelMetric):
    """How well a classifier on calculation paths separates attacked images from clean ones: AUC.

    On images that the detector has not seen, a mean over draws.
    """

    Params = PathDetectionParams

    params: PathDetectionParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        learned = DecouplingKnowledge.of(model)
        pooled = partial(pooled_maps, model, layer=list(learned.filters)[-1])
        read = partial(learned.codes, model) if self.params.of == "path" else pooled
        samples = labelled(model, dataset, context)
        clean, attacked = attacked_features(samples, self.params, context, read)
        areas = []
        for draw in range(self.params.repeats):
            generator = np.random.default_rng([context.seed, draw])
            seen = draw_by_class(samples.labels, self.params.train, generator)
            areas.append(detect(clean, attacked, seen, generator, self.params.classifier).auc())
        return Measurement(float(np.mean(areas)), "auc", True, count=len(clean))


def pooled_maps(model: ModelAdapter, images: Tensor, layer: str) -> np.ndarray:
    """Each map's mean over its cells, (B, K)."""
    return np.asarray(model.activations(images, [layer])[layer].mean((2, 3)).cpu().numpy())
