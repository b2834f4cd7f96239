"""Infidelity: how far a map's sum over a hidden square is from what the score loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from interp.metric import ExplanationMetric, MetricCase, MetricParams
from interp_standard.metric.ask import PoolParams, falls


class InfidelityParams(PoolParams):
    """Which squares are hidden, and whether the map's unit counts."""

    squares: int = Field(100, ge=2, description="random squares, up to half the side")
    scaled: bool = Field(
        True, description="multiply the map by the number that fits best, so its unit is free"
    )


@dataclass(frozen=True)
class Infidelity(ExplanationMetric):
    """E_I [(b sum_{i in I} R_i - (f(x) - f(x without I)))^2] over random squares I.

    R is the map, f the target's score; b = E[u v] / E[u^2] of the sums u and the falls v, or 1
    where not `scaled`. C.-K. Yeh et al.: On the (In)fidelity and Sensitivity of Explanations,
    NeurIPS 2019, with square removal; R counts as a contribution (already times the input). Ours:
    squares of whole cells, and one pool of them for all methods.
    """

    Params: ClassVar[type[MetricParams]] = InfidelityParams
    unit: ClassVar[str] = "squared score"
    higher_is_better: ClassVar[bool] = False

    params: InfidelityParams

    def measure(self, case: MetricCase) -> float:
        """The mean squared error."""
        sums, lost = falls(case, self.states(case.context.seed), self.params)
        power = float(sums @ sums)
        scale = 1.0
        if self.params.scaled:
            scale = float(sums @ lost) / power if power > 0 else 0.0
        return float(np.mean((scale * sums - lost) ** 2))

    def states(self, seed: int) -> np.ndarray:
        """0 in a random square of cells, (squares, cells^2)."""
        random, cells = np.random.default_rng(seed), self.params.cells
        states = np.ones((self.params.squares, cells, cells), np.uint8)
        for each in states:
            side = random.integers(1, cells // 2 + 1)
            top, left = random.integers(0, cells - side + 1, 2)
            each[top : top + side, left : left + side] = 0
        return states.reshape(len(states), -1)
