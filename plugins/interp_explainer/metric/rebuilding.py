"""How much of a network is left in the features that an explainer rebuilds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import InputError, nearest
from interp.evaluation.bootstrap import SampleMetric
from interp.metric import Measurement, ModelMetric
from interp.model import ModelAdapter
from interp.params import LOCAL, Params
from interp.training.samples import matched
from interp_explainer.knowledge import TrainedExplainer


class ExplainerMetricParams(Params):
    """The explainer that is measured."""

    knowledge: str | None = Field(
        None,
        json_schema_extra=LOCAL,
        description="folder that fit wrote; default: the explainer that is shipped",
    )


@dataclass(frozen=True)
class PartShare(ModelMetric):
    """p: the share of the features that comes through parts; both tracks are of one size."""

    Params: ClassVar[type[Params]] = ExplainerMetricParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """p of the explainer; the data are not read."""
        share = TrainedExplainer.of(model, folder=self.params.knowledge).network.share
        return Measurement(share, "share of features", True)


class RebuildingParams(ExplainerMetricParams):
    """Parameters of RebuildingError."""

    layer: str | None = Field(None, description="a layer that is rebuilt; default: the last")


@dataclass(frozen=True)
class RebuildingError(SampleMetric):
    """|x - x*|^2 of each image's features x* rebuilt as x, over the images' mean |x*|^2."""

    Params: ClassVar[type[Params]] = RebuildingParams
    unit: ClassVar[str] = "relative squared error"
    higher_is_better: ClassVar[bool] = False

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """The error of each image, (N,)."""
        explainer = TrainedExplainer.of(model, folder=self.params.knowledge)
        names = [goal.layer for goal in explainer.structure.goals]
        layer = self.params.layer or names[-1]
        if layer not in names:
            raise InputError(f"{layer} is not rebuilt; {nearest(layer, names)}")
        at = names.index(layer)
        errors, sizes = [], []
        for each in explainer.run_all(dataset, context):
            found, wanted = each.forward.rebuilt.goals[at], each.forward.goals[at]
            errors.append(float((found - wanted).square().sum()))
            sizes.append(float(wanted.square().sum()))
        return np.array(errors) / max(float(np.mean(sizes)), 1e-30)


class AccuracyParams(ExplainerMetricParams):
    """Parameters of RebuiltAccuracy."""

    of: Literal["explainer", "performer"] = Field(
        "explainer", description="answers through the rebuilt features, or the network's own"
    )


@dataclass(frozen=True)
class RebuiltAccuracy(SampleMetric):
    """Share of images classified correctly when the last layers read the rebuilt features."""

    Params: ClassVar[type[Params]] = AccuracyParams

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Whether each labelled image's top-1 is its label, (N,)."""
        explainer = TrainedExplainer.of(model, folder=self.params.knowledge)
        classes = matched(model, dataset)
        right = []
        for each in explainer.run_all(dataset, context):
            if each.example.label is None:
                continue
            if self.params.of == "performer":
                scores = model.predict(each.pixels[None])
            else:
                scores = explainer.performer.scores(each.pixels, each.forward.rebuilt.goals[-1])
            right.append(int(scores[0].argmax()) == classes[each.example.label])
        return np.array(right, float)
