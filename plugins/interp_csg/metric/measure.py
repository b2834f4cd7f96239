"""CSG's metrics of features, gates and kernels, and of how visible attacks are in the features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import InputError
from interp.evaluation.bootstrap import SampleMetric
from interp.evaluation.detection import DetectionParams, attacked_features, detect, draw_images
from interp.evaluation.similarity import class_means, cosines
from interp.metric import Measurement, ModelMetric
from interp.model import ModelAdapter
from interp.params import Params
from interp.training.samples import labelled
from interp_csg.features import layer_of, means, read_features
from interp_csg.knowledge import CsgKnowledge
from interp_csg.metric.mutual import score, table


class LayerParams(Params):
    """Where features are read."""

    layer: str | None = Field(
        None, description="the maps; default: those that CSG gated, else the model's last"
    )


@dataclass(frozen=True)
class Accuracy(SampleMetric):
    """Top-1 accuracy of the network, which runs without gates."""

    Params = LayerParams

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Whether each image's class is right."""
        return read_features(model, dataset, context, self.params.layer).right.astype(float)


@dataclass(frozen=True)
class MutualInformation(ModelMetric):
    """MIS: mean over filters of the largest mutual information with one class, in nats.

    Without an interval: the estimator has none.
    """

    Params = LayerParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        features = read_features(model, dataset, context, self.params.layer)
        value = score(table(features.values, features.labels, len(model.spec.classes)))
        return Measurement(value, "nat", True, count=len(features.labels))


@dataclass(frozen=True)
class Density(ModelMetric):
    """L1 density of the gates; 1 / classes is one class for each filter.

    Independent of the data.
    """

    Params = LayerParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        gates = CsgKnowledge.of(model).required_gates()
        return Measurement(density(gates), "share of the matrix", False)


@dataclass(frozen=True)
class FilterCorrelation(ModelMetric):
    """Mean of |cosine| between the kernels of the last convolution's filters.

    Independent of the data.
    """

    Params = LayerParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        from torch import nn

        layer = layer_of(model, self.params.layer)
        filters = model.layer(layer).channels
        inside = list(model.module().get_submodule(layer).modules())
        kernels = [e for e in inside if isinstance(e, nn.Conv2d) and e.out_channels == filters]
        if not kernels:
            raise InputError(f"found no convolution of {filters} filters in {layer}")
        values = filter_correlation(kernels[-1].weight.detach().cpu().numpy())
        return Measurement(off_diagonal(values), "|cosine|", False, count=filters)


class ClassParams(LayerParams):
    """What to compare of classes."""

    of: Literal["features", "gates"] = Field(
        "features", description="mean features on the data, or rows of the gates"
    )


@dataclass(frozen=True)
class ClassCorrelation(ModelMetric):
    """Mean cosine between classes."""

    Params = ClassParams

    params: ClassParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        count = len(model.spec.classes)
        if self.params.of == "gates":
            rows = CsgKnowledge.of(model).required_gates()
        else:
            features = read_features(model, dataset, context, self.params.layer)
            rows = class_means(features.values, features.labels, count)
        return Measurement(off_diagonal(cosines(rows)), "cosine", False, count=count)


class AdversarialParams(DetectionParams, LayerParams):
    """The attack and the detector."""

    train: int = Field(200, ge=2, description="images, in both versions, the detector learns from")
    measure: Literal["auc", "error"] = Field("auc", description="AUC or error rate of the detector")


@dataclass(frozen=True)
class AdversarialDetection(ModelMetric):
    """How well a random forest on pooled features separates attacked images from clean ones.

    AUC or error rate on images that the detector has not seen, a mean over draws.
    """

    Params = AdversarialParams

    params: AdversarialParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        clean, attacked = self.versions(model, dataset, context)
        values = []
        for draw in range(self.params.repeats):
            generator = np.random.default_rng([context.seed, draw])
            seen = draw_images(len(clean), self.params.train, generator)
            found = detect(clean, attacked, seen, generator)
            values.append(found.auc() if self.params.measure == "auc" else found.error())
        kind = self.params.measure
        return Measurement(float(np.mean(values)), kind, kind == "auc", count=len(clean))

    def versions(
        self, model: ModelAdapter, dataset: Dataset, context: Context
    ) -> tuple[np.ndarray, np.ndarray]:
        """Features (N, K) of the images as they are, and attacked."""
        read = partial(means, model, layer=layer_of(model, self.params.layer))
        return attacked_features(labelled(model, dataset, context), self.params, context, read)


def density(gates: np.ndarray) -> float:
    """|G|_1 / (C K) of gates (C, K)."""
    return float(np.abs(gates).mean())


def interval(classes: int, sparsity: float) -> tuple[float, float]:
    """[1 / C, g / (C K)] with g = sparsity * K: what the projection and the hinge allow."""
    return 1 / classes, min(sparsity, classes) / classes


def filter_correlation(kernels: np.ndarray) -> np.ndarray:
    """|W W^T - I| (K, K), W being the filters' kernels (K, ...) flattened to unit length."""
    return np.abs(cosines(kernels.reshape(len(kernels), -1)) - np.eye(len(kernels)))


def off_diagonal(square: np.ndarray) -> float:
    """Mean of a square matrix beside its diagonal."""
    count = len(square)
    return float((square.sum() - np.trace(square)) / (count * (count - 1)))
