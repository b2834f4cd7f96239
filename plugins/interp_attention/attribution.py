"""Transformer attribution: relevance that passes through attention and skip connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from interp.model import ModelAdapter
from interp.network.attention import AttentionPass
from interp.target import Target
from interp_attention.method import SLOPES, AttentionMethod, AttentionParams
from interp_attention.slopes import weighted_slopes

if TYPE_CHECKING:
    from torch import Tensor


class AttributionParams(AttentionParams):
    """Transformer attribution's parameters."""

    output: Literal["logit", "prob"] = Field(
        "logit", description="class score that is explained: the logit or the probability"
    )


@dataclass(frozen=True)
class TransformerAttribution(AttentionMethod):
    """Which cells the score's evidence has come from, through attention and skip connections.

    `R = I` at first; each layer, from the first to the last, adds `R := R + B_l R` with `B_l =
    mean_h max(A_lh * dS / dA_lh, 0)` over heads h, `A_lh` (T, T) the attention of a head and S the
    class score. The map is the class token's row of R, or the mean of the rows that are read, less
    the identity. H. Chefer, S. Gur, L. Wolf: Generic Attention-model Explainability for
    Interpreting Bi-Modal and Encoder-Decoder Transformers, ICCV 2021, equations 5 and 6.

    Their earlier paper (Transformer Interpretability Beyond Attention Visualization, CVPR 2021)
    has relevance by layer-wise rules in place of `A_lh`; it needs a rule for every module of the
    network. This one needs attention and its slopes only, and so serves any transformer.
    """

    Params = AttributionParams
    needs = SLOPES
    unit = "relevance"

    params: AttributionParams

    def run(self, model: ModelAdapter, pixels: Tensor) -> AttentionPass:
        """A pass that is recorded."""
        return model.attention(pixels, True)

    def terms(self, model: ModelAdapter, found: AttentionPass, target: Target) -> list[Tensor]:
        """The positive part of attention times the score's slope on it."""
        products = weighted_slopes(model, found, target, self.params.output)
        return [each.clamp(min=0) for each in products]

    def combine(self, terms: Sequence[Tensor], read: Tensor) -> Tensor:
        """read (I + B_L) ... (I + B_1) less what is read itself."""
        row = read
        for each in reversed(terms):
            row = row + row @ each.mean(0)
        return row - read
