"""Sanity checks: a map should change with the network's weights, and not with the seed."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from pydantic import Field

from interp.comparison.agreement import agreement
from interp.metric import ExplanationMetric, MetricCase, MetricParams
from interp.model import ModelAdapter
from interp.spec import Capability, InputSpec


class RandomizationParams(MetricParams):
    """Randomization's parameters."""

    images: int | None = Field(10, ge=1, description="number of images measured, the first ones")


@dataclass(frozen=True)
class Randomization(ExplanationMetric):
    """|Spearman's correlation| of the map with that of the same network with random weights.

    A map that stays does not explain the model. J. Adebayo et al.: Sanity Checks for Saliency Maps,
    NeurIPS 2018, all layers at once. Ours: weights are drawn anew as for a network with rectifiers,
    N(0, 2 / inputs), biases and normalisation stay, so that the network is not dead; the sign of
    the correlation does not count. A method that explains by knowledge that it learned of the model
    is left out: the random network would need knowledge of its own. The user's model is copied, not
    touched.
    """

    Params = RandomizationParams
    needs = frozenset({Capability.PREDICT, Capability.MODULE})
    unit = "rank correlation"
    higher_is_better = False

    params: RandomizationParams

    def measure(self, case: MetricCase) -> float:
        if "model" not in case.kept:
            case.kept["model"] = with_random_weights(case.model, case.context.seed)
        other = case.explain(model=case.kept["model"])
        return abs(mean_correlation([case.map, other], case.model.spec.input))


class StabilityParams(MetricParams):
    """Stability's parameters."""

    images: int | None = Field(10, ge=1, description="number of images measured, the first ones")
    seeds: int = Field(
        3, ge=2, description="number of seeds compared, from the evaluation's own on"
    )


@dataclass(frozen=True)
class Stability(ExplanationMetric):
    """Mean Spearman correlation of a method's maps of one image under different seeds.

    1 for a method that draws nothing at random.
    """

    Params = StabilityParams
    unit = "rank correlation"

    params: StabilityParams

    def measure(self, case: MetricCase) -> float:
        """Mean over all pairs of seeds."""
        maps, seed = [case.map], case.context.seed
        for each in range(1, self.params.seeds):
            maps.append(case.explain(seed=seed + each))
            if np.array_equal(maps[0], maps[-1]):  # it draws nothing: more seeds say no more
                return 1.0
        return mean_correlation(maps, case.model.spec.input)


def with_random_weights(model: ModelAdapter, seed: int) -> ModelAdapter:
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


def mean_correlation(maps: Sequence[np.ndarray], spec: InputSpec) -> float:
    """Mean rank correlation over pairs of maps (H, W); of constant ones 1 if equal, else 0."""
    found = agreement(maps, spec)
    pairs = [
        found[a, b] if np.isfinite(found[a, b]) else float(np.array_equal(maps[a], maps[b]))
        for a, b in combinations(range(len(maps)), 2)
    ]
    return float(np.mean(pairs))
