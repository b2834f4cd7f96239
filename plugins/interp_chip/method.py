"""CHIP: class-level channel knowledge from networks whose channels are switched off at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import InputError
from interp.explanation import Explanation
from interp.knowledge import Knowledge, find_knowledge
from interp.memory import Memory
from interp.method import FittedMethod, ImageView
from interp.model import ModelAdapter
from interp.params import Params
from interp.spec import Capability
from interp.target import Target
from interp_chip import fit
from interp_chip.knowledge import SHIPPED, ChipKnowledge
from interp_chip.layer_fit import LayerFit
from interp_chip.params import ChipParams
from interp_chip.survey import survey
from interp_chip.training_images import TrainingImages, choose_images, unlabelled_images
from interp_chip.view import ChipView

LOCAL = (
    "nothing was learned of this model before: channel weights are learned from the images given "
    "alone; for class-level knowledge learn from a folder: interp fit --plugin chip"
)


@dataclass(frozen=True)
class Chip(FittedMethod):
    """Which channels speak for which class, learned from networks with channels switched off.

    Fitting, once per layer. Perturbed networks have the mask `d_n` (0 or 1 for each channel k) at
    the layer. With `A_s^k` the channel's activation on image `X_s` and its masked, pooled feature
    `z_{s,n}^k = d_n^k * sum_ij A_s^k(i, j)`,

        W = argmin 1/2 sum_n h(d_n) sum_s || pi(X_s) * [W z_{s,n} - g(X_s, d_n)] ||^2 + lambda |W|_1

    g are the class scores of the perturbed network, h weights a mask, pi weights an image for each
    class, lambda is the sparsity. Row c of W says which channels speak for class c. Every image
    meets the same masks, so the Gram matrix is the entry-by-entry product of the masks' moments
    and the pooled features' moments, and memory grows with neither.

    Explaining. The map of class c is `sum_k w_c^k A^k(i, j)`, signed; channel k contributes `w_c^k
    sum_ij A^k(i, j)`. Refined CHIP combines the maps of several layers.

    X. Cui, D. Wang, Z. J. Wang: CHIP: Channel-wise Disentangled Interpretation of Deep
    Convolutional Neural Networks, IEEE Transactions on Neural Networks and Learning Systems.

    The published figure leaves these open, so they are ours, each a parameter: h, pi, the
    distribution of masks, the unit of g, lambda, the solver, how maps are combined, R^2 and
    standard errors. Without knowledge the method learns from the given images alone and says so.
    """

    Params: ClassVar[type[Params]] = ChipParams
    View: ClassVar[type[ImageView]] = ChipView
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.ACTIVATIONS, Capability.CUT}
    )
    fits_in_pieces: ClassVar[bool] = True

    params: ChipParams

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """W for each layer; with budget.shard the moments of a part, for `merge`."""
        context = replace(context, memory=Memory(steady=True))  # W is the same for any workers
        images = choose_images(model, dataset, self.params, context)
        return self._fit(model, images, context, {"data": dataset.fingerprint})

    def merge(self, parts: Sequence[Knowledge]) -> Knowledge:
        """One knowledge from the moments of all parts. InputError if they do not fit together."""
        return fit.merge(parts)

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Maps and channels for each image, target and layer."""
        knowledge = self._find(model, knowledge)
        if knowledge is not None:
            return super().explain(model, images, targets, knowledge, context)
        classes = {each for target in targets for each in (target.index, target.against)}
        listed = sorted(each for each in classes if each is not None)
        knowledge = self._fit(model, unlabelled_images(images, listed), context, {})
        found = super().explain(model, images, targets, knowledge, context)
        networks = [each["networks"] for each in knowledge.about["layers"].values()]
        return replace(found, notes=(LOCAL, *found.notes), samples=sum(networks))

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """Which channels speak for which class, how similar classes are, and example images."""
        return survey(model, dataset, self.learned(model, knowledge), self.params, context)

    def learned(self, model: ModelAdapter, knowledge: Knowledge | None) -> ChipKnowledge:
        """The given knowledge or the shipped one; InputError where there is neither."""
        found = self._find(model, knowledge)
        if found is None:
            raise InputError(
                f"nothing was learned of {model.spec.name} yet; learn first: interp fit"
            )
        return ChipKnowledge.read(found)

    def _find(self, model: ModelAdapter, knowledge: Knowledge | None) -> Knowledge | None:
        return find_knowledge("chip", model, sorted(SHIPPED.glob("*")), knowledge)

    def _fit(
        self, model: ModelAdapter, images: TrainingImages, context: Context, about: dict[str, Any]
    ) -> Knowledge:
        masks = context.samples(self.params.masks)
        layers = [
            fit.fit_layer(LayerFit(model, name, images, self.params, context, masks))
            for name in self.params.layer or (model.map_layer().name,)
        ]
        if context.budget.shard is not None:
            about = about | {"shard": list(context.budget.shard)}
        facts = {
            **about,
            "classes": list(images.classes),
            "names": [model.spec.classes[index] for index in images.classes],
            "params": self.params.model_dump(mode="json"),
        }
        return Knowledge.of("chip", model, *fit.knowledge_content(layers, facts, images.notes))
