"""Explainer networks: object parts from a frozen network's features, without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from interp.explanation import Explanation, join
from interp.method import Method
from interp.params import Params
from interp.spec import Capability
from interp_explainer.known import known_of
from interp_explainer.params import ExplainerParams
from interp_explainer.view import View

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp.knowledge import Knowledge
    from interp.model import ModelAdapter
    from interp.target import Target


@dataclass(frozen=True)
class Explainer(Method):
    """A small network that says a frozen one's features again, in object parts.

    Learn, by distillation from the performer alone. Its maps F go through two tracks: x_interp,
    two convolutions whose filters are each masked to one place, and x_ordin, one without masks.
    Both are divided by their mean activation; x_enc = p x_interp + (1 - p) x_ordin, p = sigmoid(w)
    one learned number; from x_enc a decoder rebuilds the performer's higher features x*_l:

        Loss = sum_l lambda_l |x_l - x*_l|^2  -  eta log p  +  sum_f lambda_f Loss_f(x_f)

    Loss_f is minus the mutual information between filter f's maps and where its part is. No label
    of any kind is read.

    Explain. The part maps, their peaks, and what each filter gives to the target: the score through
    the decoder, less the score with the filter's part left out of x_enc.

    Q. Zhang, Y. Yang, Y. Liu, Y. N. Wu, S.-C. Zhu: Unsupervised Learning of Neural Networks to
    Explain Neural Networks, arXiv.

    The templates, the masks and Loss_f are those of the authors' interpretable CNN (CVPR 2018),
    where they are on record. Of this paper's body we had the outline alone: two tracks, the norm,
    p and its reward, and which layers are rebuilt are a reconstruction. Ours altogether: sizes of
    the loss's weights and how lambda_f is set, the schedule, where maps are pooled, first weights,
    Z_T over each batch, networks without fully connected layers, attribution by leaving out.
    """

    Params: ClassVar[type[Params]] = ExplainerParams
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.ACTIVATIONS, Capability.CUT}
    )

    params: ExplainerParams

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """The explainer's weights; the model is only asked for activations."""
        from interp_explainer.fit import fit

        return fit(model, dataset, self.params, context)

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Part maps of the filters that matter most for each target, and what they give."""
        known = known_of(model, knowledge)
        parts = []
        for at, image in enumerate(images):
            context.out_of_time()
            context.progress("explaining", at + 1, len(images))
            parts.append(View(known, image, at, self.params.filters).tell(targets))
        return replace(join(parts), main="parts")

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """The log, how well features are rebuilt, and each filter's part on its best images."""
        from interp_explainer.survey import survey

        return survey(known_of(model, knowledge), dataset, self.params, context)
