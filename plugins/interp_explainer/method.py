"""Explainer networks: object parts from a frozen network's features, without labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from interp.context import Context
from interp.dataset import Dataset
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.method import FittedMethod, ImageView
from interp.model import ModelAdapter
from interp.params import Params
from interp.spec import Capability
from interp_explainer import fit
from interp_explainer.knowledge import TrainedExplainer
from interp_explainer.params import ExplainerParams
from interp_explainer.survey import survey
from interp_explainer.view import ExplainerView


@dataclass(frozen=True)
class Explainer(FittedMethod):
    """A small network that rebuilds a frozen one's features out of object parts.

    Fitting, by distillation from the frozen network (the performer) alone. Its maps F go through
    two tracks: `x_interp`, two convolutions whose filters are each masked to one place, and
    `x_ordin`, one convolution without masks. Both are divided by their mean activation and mixed,

        x_enc = p x_interp + (1 - p) x_ordin,   p = sigmoid(w), w one learned number,

    and from `x_enc` a decoder rebuilds `x_l`, the performer's higher features `x*_l` at layers l:

        Loss = sum_l lambda_l |x_l - x*_l|^2  -  eta log p  +  sum_f lambda_f Loss_f(x_f)

    `Loss_f` is minus the mutual information between the maps `x_f` of filter f and the place of
    its part; `lambda_l`, `lambda_f` and eta are weights. No label of any kind is read.

    Explaining. The part maps, their peaks, and what each filter contributes to the target: the
    score through the decoder, minus the score with the filter's part left out of `x_enc`.

    Q. Zhang, Y. Yang, Y. Liu, Y. N. Wu, S.-C. Zhu: Unsupervised Learning of Neural Networks to
    Explain Neural Networks, arXiv.

    Templates, masks and `Loss_f` follow the authors' interpretable CNN (CVPR 2018), which is on
    record. Of this paper only the outline was at hand: the two tracks, the norm, p and its reward,
    and which layers are rebuilt are a reconstruction. Ours: the sizes of the weights and how
    `lambda_f` is set, the schedule, where maps are pooled, initial weights, `Z_T` over each batch,
    networks without fully connected layers, and attribution by leaving out.
    """

    Params: ClassVar[type[Params]] = ExplainerParams
    View: ClassVar[type[ImageView]] = ExplainerView
    main: ClassVar[str | None] = "parts"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.ACTIVATIONS, Capability.CUT}
    )

    params: ExplainerParams

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """The explainer's weights; the model is only asked for activations."""
        return fit.fit(model, dataset, self.params, context)

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """Training curves, reconstruction errors, and each filter's part on its best images."""
        return survey(self.learned(model, knowledge), dataset, self.params, context)

    def learned(self, model: ModelAdapter, knowledge: Knowledge | None) -> TrainedExplainer:
        """The explainer in `knowledge` or the shipped one; InputError where there is neither."""
        return TrainedExplainer.of(model, knowledge)
