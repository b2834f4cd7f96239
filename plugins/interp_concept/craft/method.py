"""CRAFT: concepts found by factorising activations, weighed by sensitivity analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from interp_concept.craft import fit, knowledge
from interp_concept.craft.knowledge import CraftKnowledge
from interp_concept.craft.params import CraftParams
from interp_concept.craft.survey import survey
from interp_concept.craft.view import CraftView


@dataclass(frozen=True)
class Craft(Method):
    """A class's concepts: few directions whose non-negative sums are what its images activate.

    Fitting, for each class. Crops of its images give the rows of A (N, C), a layer's activations
    averaged over the grid, and

        min || A - U W ||^2   over U (N, R) >= 0, W (R, C) >= 0

    gives R concepts, the rows of W; `u_ik` says how much of concept k crop i has. A concept's
    importance is its total Sobol index: with masks m (R,) uniform in [0, 1] on an image's
    coefficients and `f(m)` the class's score of the layer's activation decoded as `(m * U) W`,

        S_k = E[ Var(f(m) | all masks but k) ] / Var(f(m)),

    the share of the score's variance in which concept k takes part, by Jansen's estimator. What
    comes before the layer runs once, what follows it once a mask.

    Explaining. U of every cell of the image, by non-negative least squares with the class's W, is
    each concept's map; the importances are this image's own.

    T. Fel, A. Picard, L. Bethune, T. Boissin, D. Vigouroux, J. Colin, R. Cadene, T. Serre: CRAFT:
    Concept Recursive Activation FacTorization for Explainability, CVPR 2023.

    Ours: cells instead of crops (`pieces`), signed directions where activations are negative
    (semi-NMF), standard errors, the map that sums the concepts' maps by importance, and how well
    concepts rebuild the activation, which the importances rest on. Left out: the recursion to
    earlier layers; fit another layer instead.
    """

    Params: ClassVar[type[Params]] = CraftParams
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT, Capability.CUT})

    params: CraftParams

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """A bank of concepts for each class; with budget.shard for every n-th class."""
        return fit.fit(model, dataset, self.params, context)

    def merge(self, parts: Sequence[Knowledge]) -> Knowledge:
        """One knowledge of all parts' classes. InputError if they do not fit together."""
        return knowledge.merge(parts)

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Concept maps and importances of each image for each target."""
        learned, parts = CraftKnowledge.find(model, knowledge), []
        for index, image in enumerate(images):
            context.out_of_time()
            context.progress("explaining", index + 1, len(images))
            view = CraftView(
                model, image, index, learned, self.params, len(images), context=context
            )
            parts.append(view.to_explanation(targets))
        return replace(join(parts), main="map")

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """Every class's concepts with their importances and pieces, which fitting has kept."""
        learned = CraftKnowledge.find(model, knowledge)
        chosen = learned.chosen(model, self.params.of_class)
        named = {learned.names[label]: each for label, each in chosen.items()}
        return survey(learned.layer, named, self.params.shown)
