"""TCAV: how sensitive classes are to concepts that a user shows examples of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.explanation import Explanation, join
from interp.knowledge import Knowledge
from interp.method import Method
from interp.model import ModelAdapter
from interp.params import Params
from interp.spec import Capability
from interp.target import Target
from interp_concept.grouping import group
from interp_concept.tcav import fit
from interp_concept.tcav.knowledge import TcavKnowledge
from interp_concept.tcav.params import TcavParams
from interp_concept.tcav.survey import survey
from interp_concept.tcav.view import TcavView


@dataclass(frozen=True)
class Tcav(Method):
    """How a class's score changes as a layer's activation moves towards a concept.

    Fitting. Images that show a concept and counter-examples are told apart by a linear classifier
    of the layer's activations; its normal `v_C` is the concept activation vector (CAV).

    Explaining. The sensitivity of class k to concept C on image x is the directional derivative

        S_C,k(x) = d h_k(f(x) + e v_C) / d e   at e = 0

    of the class's score `h_k` at the layer's activation `f(x)`. The concept's map is each cell's
    projection on `v_C`, from the place half-way between counter-examples and concept.

    Surveying. The TCAV score is the share of the class's images with S > 0. A concept's p-value
    compares it with random concepts: the same images, randomly called the concept's.

    B. Kim, M. Wattenberg, J. Gilmer, C. Cai, J. Wexler, F. Viegas, R. Sayres: Interpretability
    Beyond Feature Attribution: Quantitative Testing with Concept Activation Vectors, ICML 2018.

    Ours: f is averaged over the grid, so that a concept is a direction of channels and has a map,
    and `v_C` is added to every cell; the classifier is least squares with a ridge; `v_C` is as
    long as the step from counter-examples to concept, so that S is the score's change over that
    step, to first order. The test is a permutation test instead of a t test over runs, which share
    the concept's images and are not independent; and it tests the mean of S (`statistic`), since
    before one linear layer the TCAV score of any direction is 0 or 1.
    """

    Params: ClassVar[type[Params]] = TcavParams
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT, Capability.CUT})

    params: TcavParams

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """Activations of the concepts' images, of which directions are computed."""
        return fit.fit(model, dataset, self.params, context)

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Sensitivities and concept maps of each image for each target."""
        learned, parts = TcavKnowledge.find(model, knowledge, self.params, context.seed), []
        for index, image in enumerate(images):
            context.out_of_time()
            context.progress("explaining", index + 1, len(images))
            view = TcavView(model, image, index, learned, self.params, len(images), context=context)
            parts.append(view.to_explanation(targets))
        return join(parts)

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """TCAV scores of every class of the images and every concept, with p-values."""
        learned = TcavKnowledge.find(model, knowledge, self.params, context.seed)
        params = self.params
        images = group(model, dataset, params.by, params.class_images, params.of_class, context)
        return survey(model, learned, images, context)
