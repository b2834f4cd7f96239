"""Attention rollout, plain and weighted by gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from interp.model import ModelAdapter
from interp.network.attention import AttentionPass
from interp.target import Target
from interp_attention.method import READS, SLOPES, AttentionMethod, AttentionParams
from interp_attention.slopes import weighted_slopes

if TYPE_CHECKING:
    from torch import Tensor


class FlowParams(AttentionParams):
    """Parameters of both rollouts."""

    residual: float = Field(
        0.5, ge=0, lt=1, description="share of the skip connection in each layer, 0 to 1"
    )
    discard: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of a layer's weakest attention that is set to zero, 0 to 1",
    )


class RolloutParams(FlowParams):
    """Attention rollout's parameters."""

    fusion: Literal["mean", "max", "min"] = Field(
        "mean", description="how the heads of a layer become one: their mean, maximum or minimum"
    )


@dataclass(frozen=True)
class AttentionRollout(AttentionMethod):
    """Where the tokens that are read have drawn their content from, through all layers.

    `R = M_L ... M_2 M_1` with `M_l = (1 - r) A_l + r I`, rows divided by their sums, where `A_l`
    (T, T) is the mean of layer l's attention over heads and `r = 0.5` stands for the skip
    connection. The map is the row of R of the class token, or the mean of the rows that are read.
    S. Abnar, W. Zuidema: Quantifying Attention Flow in Transformers, ACL 2020. The maximum or
    minimum over heads, and setting a layer's weakest entries to zero, are J. Gildenblat's (2020).

    It sees no values, no linear layers and no class: the map is the same for every class.
    """

    Params = RolloutParams
    needs = READS
    classless = True

    params: RolloutParams

    def run(self, model: ModelAdapter, pixels: Tensor) -> AttentionPass:
        """A pass without gradients."""
        return model.attention(pixels)

    def terms(self, model: ModelAdapter, found: AttentionPass, target: Target) -> list[Tensor]:
        """The attention itself."""
        return [each.weights[0] for each in found.layers]

    def combine(self, terms: Sequence[Tensor], read: Tensor) -> Tensor:
        """The read rows of the rollout."""
        fuse = {"max": lambda each: each.amax(0), "min": lambda each: each.amin(0)}
        fused = [fuse.get(self.params.fusion, lambda each: each.mean(0))(each) for each in terms]
        return roll_out(fused, read, self.params.residual, self.params.discard)


class GradientRolloutParams(FlowParams):
    """Gradient rollout's parameters."""

    output: Literal["logit", "prob"] = Field(
        "logit", description="class score that is explained: the logit or the probability"
    )


@dataclass(frozen=True)
class GradientRollout(AttentionMethod):
    """Rollout of the attention that speaks for the class: each entry times the score's slope on it.

    `M_l = (1 - r) max(mean_h A_lh * dS / dA_lh, 0) + r I` over heads h, rows divided by their
    sums, then as attention rollout. J. Gildenblat: Exploring Explainability for Vision
    Transformers, 2020 (the mean over heads comes before the cut at zero), after Abnar & Zuidema,
    ACL 2020.
    """

    Params = GradientRolloutParams
    needs = SLOPES
    unit = "attention x gradient"

    params: GradientRolloutParams

    def run(self, model: ModelAdapter, pixels: Tensor) -> AttentionPass:
        """A pass that is recorded."""
        return model.attention(pixels, True)

    def terms(self, model: ModelAdapter, found: AttentionPass, target: Target) -> list[Tensor]:
        """Attention times the score's slope on it."""
        return weighted_slopes(model, found, target, self.params.output)

    def combine(self, terms: Sequence[Tensor], read: Tensor) -> Tensor:
        """The read rows of the rollout of what is positive."""
        fused = [each.mean(0).clamp(min=0) for each in terms]
        return roll_out(fused, read, self.params.residual, self.params.discard)


def roll_out(
    matrices: Sequence[Tensor], read: Tensor, residual: float, discard: float = 0.0
) -> Tensor:
    """read M_L ... M_1, (T,), with M_l = (1 - residual) A_l + residual I, rows adding up to 1.

    `matrices` are A_1 to A_L (T, T), of which the weakest share `discard` counts as zero.
    """
    import torch

    row = read  # times one matrix after the other: M_L ... M_1 would cost T times more
    for each in reversed(matrices):
        kept = without_weakest(each, discard)
        mixed = (1 - residual) * kept + residual * torch.eye(len(each)).to(each)
        row = row @ (mixed / mixed.sum(1, keepdim=True).clamp(min=TINY))
    return row


TINY = 1e-12
"""Sum of a row without attention, such as one whose entries were all discarded."""


def without_weakest(matrix: Tensor, share: float) -> Tensor:
    """A matrix (T, T) with this share of its smallest entries set to zero."""
    count = int(share * matrix.numel())
    if not count:
        return matrix
    weakest = matrix.flatten().topk(count, largest=False).indices
    return matrix.flatten().scatter(0, weakest, 0.0).view_as(matrix)
