"""Sanity check: whether a map changes when the network's weights are randomised."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from interp.metric import ExplanationMetric, MetricCase, MetricParams
from interp.spec import Capability
from interp_standard.metric.rank import alike

if TYPE_CHECKING:
    from interp.model import ModelAdapter


class RandomizationParams(MetricParams):
    """On how many images."""

    images: int | None = Field(10, ge=1, description="measure the first so many images")


@dataclass(frozen=True)
class Randomization(ExplanationMetric):
    """|Spearman's correlation| of the map with that of the same network with random weights.

    A map that stays does not explain the model. J. Adebayo et al.: Sanity Checks for Saliency Maps,
    NeurIPS 2018, all layers at once. Ours: weights are drawn anew as for a network with rectifiers,
    N(0, 2 / inputs), biases and normalisation stay, so that the network is not dead; the sign of
    the correlation does not count; what a method learned of the model before is not learned again.
    The user's model is copied, not touched.
    """

    Params: ClassVar[type[MetricParams]] = RandomizationParams
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT, Capability.MODULE})
    unit: ClassVar[str] = "rank correlation"
    higher_is_better: ClassVar[bool] = False

    params: RandomizationParams

    def measure(self, case: MetricCase) -> float:
        """The correlation's size."""
        if "model" not in case.kept:
            case.kept["model"] = randomised(case.model, case.context.seed)
        other = case.explain(model=case.kept["model"])
        return abs(alike([case.map, other], case.model.spec.input))


def randomised(model: ModelAdapter, seed: int) -> ModelAdapter:
    """A copy of the model whose weights are drawn at random."""
    import torch

    module = copy.deepcopy(model.module())
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for each in module.parameters():
            if each.ndim > 1:
                drawn = torch.randn(each.shape, generator=generator)
                each.copy_(drawn * (2 / each[0].numel()) ** 0.5)
    return model.adopt(module, "randomised", {"seed": seed})
