"""CSG: training networks whose filters belong to classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from interp.explanation import Explanation, join
from interp.method import Method
from interp.params import Params
from interp.spec import Capability
from interp_csg.known import known_of
from interp_csg.params import CsgParams
from interp_csg.view import View, confusions, gate_matrix

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp.knowledge import Knowledge
    from interp.model import ModelAdapter
    from interp.target import Target


@dataclass(frozen=True)
class Csg(Method):
    """Class-specific gates: each filter of the last maps serves few classes, and which is known.

    Learn. A matrix G (C, K) in [0, 1] stands between the last maps A_k and their mean. By turns
    of epochs the network sees its images as they are, or with A_k multiplied by G_yk, y the true
    class:

        standard:  CE(y, f(x))          gated:  CE(y, f_G(x, y)) + lambda relu(|G|_1 - g)

    After each gated step every filter's gates are divided by their largest and clipped to [0, 1],
    so that the density |G|_1 / (C K) lies between 1 / C and, once the hinge has done its work,
    g / (C K). A trained network works without G, which then tells whose each filter is.

    Explain. The map of class c is sum w_ck A_k over its own filters, G_ck >= own.

    H. Liang et al.: Training
    Interpretable Convolutional Neural Networks by Differentiating Class-Specific Filters, ECCV.

    Ours, where the public record is silent or disagrees: Adam on G as a default, one optimiser of
    the network for both kinds of epoch, the guard of dead filters, `own`, g = 1.2 filters, the
    held-out share, and the check that gates can travel as far as sparsity needs.
    """

    Params: ClassVar[type[Params]] = CsgParams
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT, Capability.ACTIVATIONS})

    params: CsgParams

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """Train a copy of the model; the folder it is saved in opens as a model too."""
        from interp_csg.fit import fit

        return fit(model, dataset, self.params, context)

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Maps of each target's own filters, the gates, and what is lost without the filters."""
        known = known_of(model, knowledge)
        parts = []
        for at, image in enumerate(images):
            context.out_of_time()
            parts.append(View(model, image, at, known, self.params).tell(targets))
        found = join(parts)
        whole = [gate_matrix(known)]
        for target in targets:
            pair = confusions(known, target.index, self.params.own)
            whole += [replace(each, target=target.name) for each in pair]
        return replace(found, evidence=(*found.evidence, *whole), main="class filters")

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """The gates, the log, and on a data set: measures, and each class without its filters."""
        from interp_csg.survey import survey

        return survey(model, dataset, known_of(model, knowledge), self.params, context)
