"""CSG: training networks whose filters belong to classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from interp.context import Context
from interp.dataset import Dataset
from interp.evidence import Matrix
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.method import FittedMethod
from interp.model import ModelAdapter
from interp.spec import Capability
from interp.target import Target
from interp_csg.knowledge import CsgKnowledge
from interp_csg.params import CsgParams
from interp_csg.view import View, confusion_matrices, gate_matrix


@dataclass(frozen=True)
class Csg(FittedMethod):
    """Class-specific gates: each filter of the last maps serves few classes, which are known.

    Learn. A matrix G (C, K) in [0, 1] stands between the last maps `A_k` and their mean. Epochs
    take turns: the network sees its images as they are, or with `A_k` multiplied by `G_yk`, where
    y is the true class:

        standard:  CE(y, f(x))          gated:  CE(y, f_G(x, y)) + lambda relu(|G|_1 - g)

    After each gated step every filter's gates are divided by their largest and clipped to [0, 1],
    so that the density `|G|_1 / (C K)` lies between 1 / C and, once the hinge has done its work,
    `g / (C K)`. A trained network works without G, which then says which class each filter serves.

    Explain. The map of class c is `sum w_ck A_k` over its own filters, `G_ck >= own`.

    H. Liang et al.: Training
    Interpretable Convolutional Neural Networks by Differentiating Class-Specific Filters, ECCV.

    Ours, where the public record is silent or disagrees: Adam on G as a default, one optimiser of
    the network for both kinds of epoch, the guard of dead filters, `own`, g = 1.2 filters, the
    held-out share, and the check that gates can move as far as sparsity needs.
    """

    Params = CsgParams
    View = View
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT, Capability.ACTIVATIONS})
    main = "class filters"

    params: CsgParams

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """Train a copy of the model; the folder it is saved in opens as a model too."""
        from interp_csg.fit import fit

        return fit(model, dataset, self.params, context)

    def learned(self, model: ModelAdapter, knowledge: Knowledge | None) -> CsgKnowledge:
        """The gates and the head of a model that was trained with gates."""
        return CsgKnowledge.of(model, knowledge)

    def shared_evidence(self, learned: CsgKnowledge, targets: Sequence[Target]) -> Iterator[Matrix]:
        """The gates, and how held-out images are classified without a target's filters."""
        yield gate_matrix(learned)
        for target in targets:
            yield from confusion_matrices(learned, target, self.params.own)

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """The gates, the log, and on a data set: measures, and each class without its filters."""
        from interp_csg.survey import survey

        return survey(model, dataset, self.learned(model, knowledge), self.params, context)
