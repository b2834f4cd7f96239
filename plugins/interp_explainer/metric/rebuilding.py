"""What of a network is left in the features that an explainer rebuilds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.errors import InputError, nearest
from interp.evaluation.bootstrap import estimate
from interp.metric import Measurement, ModelMetric
from interp.params import Params
from interp.target import parse_target
from interp_explainer.known import Known, known_of
from interp_explainer.look import sights

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter


class KnownParams(Params):
    """Which explainer is measured."""

    knowledge: str | None = Field(
        None, description="folder that fit wrote; default: the explainer that is shipped"
    )


@dataclass(frozen=True)
class ExplainerMetric(ModelMetric):
    """A measure with parameters."""

    Params: ClassVar[type[Params]] = KnownParams

    def known(self, model: ModelAdapter) -> Known:
        """The explainer asked for."""
        return known_of(model, folder=self.params.knowledge)


@dataclass(frozen=True)
class PartShare(ExplainerMetric):
    """p: the share of the features that comes through parts; both tracks are of one size."""

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """Of the explainer alone; the data are not looked at."""
        return Measurement(self.known(model).network.share, "share of features", True)


class RebuildingParams(KnownParams):
    """Which features."""

    layer: str | None = Field(None, description="a layer that is rebuilt; default: the last")


@dataclass(frozen=True)
class RebuildingError(ExplainerMetric):
    """|x - x*|^2 of each image over the mean |x*|^2."""

    Params: ClassVar[type[Params]] = RebuildingParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """With an interval over images."""
        known = self.known(model)
        names = [goal.layer for goal in known.structure.goals]
        layer = self.params.layer or names[-1]
        if layer not in names:
            raise InputError(f"{layer} is not rebuilt; {nearest(layer, names)}")
        at = names.index(layer)
        apart, size = [], []
        for each in sights(known, dataset, context):
            apart.append(float((each.answer.goals[at] - each.goals[at]).square().sum()))
            size.append(float(each.goals[at].square().sum()))
        values = np.array(apart) / max(float(np.mean(size)), 1e-30)
        return estimate(
            values, np.random.default_rng(context.seed), "relative squared error", False
        )


class AccuracyParams(KnownParams):
    """Whose answers."""

    of: Literal["explainer", "performer"] = Field(
        "explainer", description="answers through the rebuilt features, or the network's own"
    )


@dataclass(frozen=True)
class RebuiltAccuracy(ExplainerMetric):
    """Share of images whose top-1 is their label, the last layers fed with what is rebuilt."""

    Params: ClassVar[type[Params]] = AccuracyParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """With an interval over images."""
        known = self.known(model)
        classes = [parse_target(name, model.spec.classes).index for name in dataset.classes]
        right = []
        for each in sights(known, dataset, context):
            if each.example.label is None:
                continue
            if self.params.of == "performer":
                scores = model.predict(each.image[None])
            else:
                scores = known.performer.scores(each.image, each.answer.goals[-1])
            right.append(int(scores[0].argmax()) == classes[each.example.label])
        return estimate(np.array(right, float), np.random.default_rng(context.seed))
