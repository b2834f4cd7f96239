"""CHIP: class-level channel knowledge from networks whose channels are switched off at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from interp.errors import InputError
from interp.explanation import Explanation, join
from interp.knowledge import Knowledge
from interp.method import Method
from interp.params import Params
from interp.spec import Capability
from interp_chip.known import Known, shipped
from interp_chip.lesson import Lesson
from interp_chip.params import ChipParams
from interp_chip.pool import choose, given
from interp_chip.survey import survey
from interp_chip.teach import knowledge_of, merge, teach
from interp_chip.view import View

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter
    from interp.target import Target
    from interp_chip.pool import Pool

LOCAL = (
    "nothing was learned of this model before: what its channels say is learned from the images "
    "given alone; for class-level knowledge learn from a folder: interp fit --plugin chip"
)


@dataclass(frozen=True)
class Chip(Method):
    """Channel-wise interpretation by perturbed networks: which channels speak for which class.

    Learn, once per layer. Networks d_n whose channels are switched off at random see images X_s
    of each class; with A_s^k channel k of the layer and z^k = d_n^k * sum_ij A_s^k(i, j),

        W = argmin 1/2 sum_n h(d_n) sum_s || pi(X_s) * [W z_{s,n} - g(X_s, d_n)] ||^2 + lambda |W|_1

    g the class scores, h the weight of a network, pi(X_s) that of an image for each class. Every
    image meets the same networks, so the Gram matrix is the product, entry by entry, of the
    masks' moments and the pooled features' moments: memory does not grow with either.

    Explain. The map of class c on any image is sum_k w_c^k A^k(i, j), signed; channel k's
    contribution is w_c^k sum_ij A^k(i, j). Refined CHIP combines the maps of several layers.

    X. Cui, D. Wang, Z. J. Wang: CHIP: Channel-wise Disentangled Interpretation of Deep
    Convolutional Neural Networks, IEEE Transactions on Neural Networks and Learning Systems.

    Ours, where the published figure is silent: h, pi, the law of the masks, g's unit, lambda,
    the solver, how maps are combined, R^2 and standard errors; each is a parameter. Without
    knowledge it learns from the images given alone, and says so.
    """

    Params: ClassVar[type[Params]] = ChipParams
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.ACTIVATIONS, Capability.CUT}
    )

    params: ChipParams

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """W for each layer. With budget.shard, the moments that `merge` adds up."""
        pool = choose(model, dataset, self.params, context)
        return self._learn(model, pool, context, {"data": dataset.fingerprint})

    def merge(self, parts: Sequence[Knowledge]) -> Knowledge:
        """One knowledge of the moments in parts. InputError for what does not belong together."""
        return merge(parts)

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Maps and channels of each image and target at each layer."""
        knowledge = knowledge or shipped(model)
        notes: tuple[str, ...] = ()
        if knowledge is None:
            classes = {each for target in targets for each in (target.index, target.against)}
            pool = given(images, sorted(each for each in classes if each is not None))
            knowledge = self._learn(model, pool, context, {})
            notes = (LOCAL,)
        known = Known.open(knowledge)
        known.chosen(self.params.layer)
        parts = [
            View(model, image, at, known, self.params).tell(targets, len(images))
            for at, image in enumerate(images)
        ]
        found = join(parts)
        networks = [each.about["networks"] for each in known.layers.values()] if notes else [0]
        return replace(found, notes=(*notes, *found.notes), samples=sum(networks))

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """Which channels speak for which class, how alike classes are, and examples."""
        knowledge = knowledge or shipped(model)
        if knowledge is None:
            raise InputError(f"nothing is known of {model.spec.name}; learn first: interp fit")
        return survey(model, dataset, Known.open(knowledge), self.params, context)

    def _learn(
        self, model: ModelAdapter, pool: Pool, context: Context, about: dict[str, Any]
    ) -> Knowledge:
        layers = self.params.layer or (model.map_layer().name,)
        lessons = [
            teach(
                Lesson(model, name, pool, self.params, context, context.samples(self.params.masks))
            )
            for name in layers
        ]
        if context.budget.shard is not None:
            about = about | {"shard": list(context.budget.shard)}
        return knowledge_of(model, pool, self.params, lessons, about)
