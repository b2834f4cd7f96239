"""LRP: layer-wise relevance propagation by Zennit's composites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.evidence import Heatmap
from interp.explanation import Explanation, join
from interp.method import PerImageMethod
from interp.model import ModelAdapter
from interp.params import Params
from interp.spec import Capability
from interp.target import Target
from interp_zennit.bridge import Composite, composite

if TYPE_CHECKING:
    from torch import Tensor

    from interp_zennit.propagate import Propagation

HOOKS = frozenset({Capability.PREDICT, Capability.GRADIENTS, Capability.MODULE})
"""Needs of a method that hooks PyTorch modules."""
LOST = 0.05
"""Share of the score that may be missing before a note says where it can have gone."""


class RelevanceParams(Params):
    """Parameters of both methods."""

    composite: Composite = Field(
        "epsilon-plus",
        description="rules: epsilon everywhere; epsilon-plus: z-plus for convolutions; "
        "epsilon-gamma-box: gamma, and z-box for the first; alpha2-beta1: 2 times what is for a "
        "unit less what is against; linear layers have epsilon in all",
    )
    epsilon: float = Field(
        1e-6, ge=1e-12, le=10, description="what the epsilon rule adds to denominators, in scores"
    )
    gamma: float = Field(
        0.25, ge=0, le=100, description="with epsilon-gamma-box: extra weight of positive weights"
    )
    zero_bias: bool = Field(
        False, description="leave biases without relevance, so that more of it reaches the pixels"
    )
    output: Literal["logit"] = Field(
        "logit", description="class score that is explained: the logit, where propagation begins"
    )

    def rules(self, model: ModelAdapter) -> Any:
        """A function that makes the composite of a canonizer."""
        given = (self.epsilon, self.gamma, self.zero_bias)
        return lambda canonizer: composite(self.composite, model.spec.input, canonizer, *given)


@dataclass(frozen=True)
class Lrp(PerImageMethod):
    """Each pixel's share of the score, passed back layer by layer without loss where rules allow.

    `R_i = sum_j z_ij / (sum_k z_kj + eps sign) R_j` with `z_ij = x_i w_ij`, from the score as the
    relevance of its class down to the pixels (the epsilon rule); z-plus takes positive `z_ij`
    only, gamma adds gamma times the positive weights, alpha2-beta1 passes `2 R_j` by positive and
    `-R_j` by negative `z_ij`, z-box takes the input's bounds into account. S. Bach et al.: On
    Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance
    Propagation, PLOS ONE 2015; the rules after G. Montavon et al.: Layer-Wise Relevance
    Propagation: An Overview, 2019. Zennit (C. J. Anders et al., 2021) does it; batch norms are
    merged before.

    Ours is that sums and means that are function calls have the rule that Zennit gives to those of
    torchvision's ResNets, that parts without a rule are refused, and that the sum of the relevance
    is told beside the score.
    """

    Params = RelevanceParams
    needs = HOOKS

    params: RelevanceParams

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """The relevance of each pixel for each target."""
        from interp_zennit.propagate import propagating

        pixels, placement = model.prepare(image)
        parts = []
        with propagating(model, pixels[None], self.params.rules(model)) as pass_back:
            for at, target in enumerate(targets, 1):
                context.out_of_time()
                (found,) = pass_back.relevance(target, pass_back.input)
                context.progress("targets", at, len(targets))
                heatmap = Heatmap(
                    name="map",
                    target=target.name,
                    values=placement.to_image(over_colours(found)),
                    unit="relevance",
                )
                parts.append(Explanation((heatmap,), **conservation(found, pass_back, target)))
        return join(parts)


def over_colours(relevance: Tensor) -> np.ndarray:
    """Relevance of the network's input (1, C, h, w) as a map (h, w)."""
    found: np.ndarray = relevance[0].sum(0).float().cpu().numpy()
    return found


def conservation(found: Tensor, pass_back: Propagation, target: Target) -> dict[str, Any]:
    """Scores and notes: what the relevance adds up to, beside the score it was made of."""
    total, score = float(found.double().sum()), float(target.select(pass_back.scores[0].detach()))
    lost = abs(total - score) / max(abs(score), 1e-12)
    told = f"{target.name}: relevance adds up to {total:.4g}, the score is {score:.4g}"
    if lost > LOST:
        told += (
            f"; {lost:.0%} apart, by biases or by operations without a rule: read the map as a "
            "ranking, not as shares of the score"
        )
    numbers = {"relevance": total, "score": score, "conservation_error": round(lost, 6)}
    return {"scores": {target.name: numbers}, "notes": (told,)}
