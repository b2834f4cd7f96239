"""CSG's measures of a model on a data set, as metrics with parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.errors import InputError
from interp.evaluation.bootstrap import estimate
from interp.method import Attack
from interp.metric import Measurement, ModelMetric
from interp.params import Params
from interp.training.samples import labelled
from interp_csg.features import layer_of, look, means
from interp_csg.known import known_of
from interp_csg.metric.correlation import (
    class_correlation,
    class_means,
    filter_correlation,
    off_diagonal,
)
from interp_csg.metric.density import density
from interp_csg.metric.detection import detect
from interp_csg.metric.mutual import score, table

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter

BATCH = 32


class LayerParams(Params):
    """Where features are read."""

    layer: str | None = Field(
        None, description="the maps; default: those that CSG gated, else the model's last"
    )


@dataclass(frozen=True)
class CsgMetric(ModelMetric):
    """A measure with parameters."""

    Params: ClassVar[type[Params]] = LayerParams


@dataclass(frozen=True)
class Accuracy(CsgMetric):
    """Share of images whose top-1 is their label; gates play no part."""

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """With an interval over images."""
        right = look(model, dataset, context, self.params.layer).right
        return estimate(right.astype(float), np.random.default_rng(context.seed))


@dataclass(frozen=True)
class MutualInformation(CsgMetric):
    """MIS: mean over filters of the largest mutual information with one class, in nats."""

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """Without an interval: the estimator has none."""
        found = look(model, dataset, context, self.params.layer)
        value = score(table(found.values, found.labels, len(model.spec.classes)))
        return Measurement(value, "nat", True, count=len(found.labels))


@dataclass(frozen=True)
class Density(CsgMetric):
    """L1 density of the gates: 1 / classes is one class for each filter."""

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """Of the gates alone; the data are not looked at."""
        gates = known_of(model).gates
        if gates is None:
            raise InputError(f"{model.spec.name} is a plain twin: it has no gates")
        return Measurement(density(gates), "share of the matrix", False)


@dataclass(frozen=True)
class FilterCorrelation(CsgMetric):
    """Mean of |cosine| between the kernels of the last convolution's filters."""

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """Of the weights alone; the data are not looked at."""
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
    """What of a class is compared."""

    of: Literal["features", "gates"] = Field(
        "features", description="mean features on the data, or rows of the gates"
    )


@dataclass(frozen=True)
class ClassCorrelation(CsgMetric):
    """Mean cosine between classes."""

    Params: ClassVar[type[Params]] = ClassParams

    params: ClassParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """Over pairs of classes."""
        count = len(model.spec.classes)
        if self.params.of == "gates":
            known = known_of(model)
            if known.gates is None:
                raise InputError(f"{model.spec.name} is a plain twin: it has no gates")
            rows = known.gates
        else:
            found = look(model, dataset, context, self.params.layer)
            rows = class_means(found.values, found.labels, count)
        return Measurement(off_diagonal(class_correlation(rows)), "cosine", False, count=count)


class DetectionParams(LayerParams):
    """The attack and the detector."""

    attack: str = Field("pgd", description="on the true label: fgsm, pgd, or another's name")
    eps: float = Field(4 / 255, gt=0, le=1, description="largest change of a pixel in [0, 1]")
    steps: int = Field(10, ge=1, description="of PGD, each 2.5 eps / steps")
    train: int = Field(200, ge=2, description="images, in both versions, the detector learns from")
    repeats: int = Field(5, ge=1, description="draws of these images")
    measure: Literal["auc", "error"] = Field("auc", description="what is told of the detector")


@dataclass(frozen=True)
class AdversarialDetection(CsgMetric):
    """How well a random forest on pooled features tells attacked images from clean ones."""

    Params: ClassVar[type[Params]] = DetectionParams

    params: DetectionParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """AUC or error rate on images the detector has not seen."""
        clean, attacked = self.versions(model, dataset, context)
        asked = self.params
        if asked.train >= len(clean):
            raise InputError(
                f"found {len(clean)} images and --train {asked.train}; expected more images, some "
                "to judge the detector on"
            )
        found = detect(clean, attacked, asked.train, asked.repeats, context.seed)
        value = getattr(found, asked.measure)
        return Measurement(value, asked.measure, asked.measure == "auc", count=len(clean))

    def versions(
        self, model: ModelAdapter, dataset: Dataset, context: Context
    ) -> tuple[np.ndarray, np.ndarray]:
        """Features (N, K) of the images as they are, and attacked."""
        import torch

        samples, asked = labelled(model, dataset, context), self.params
        layer = layer_of(model, asked.layer)
        attack: Attack = context.lookup("attack", asked.attack)()
        clean, attacked = [], []
        for chosen, images in samples.batches(context, "attacking", BATCH):
            labels = torch.from_numpy(samples.labels[chosen]).to(images.device)
            moved = attack.perturb(model, images, labels, asked.eps, asked.steps)
            clean.append(means(model, images, layer))
            attacked.append(means(model, moved, layer))
        return np.concatenate(clean), np.concatenate(attacked)
