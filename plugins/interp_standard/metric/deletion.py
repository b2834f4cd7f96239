"""Deletion: how fast the class is lost as the pixels that a map calls important go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from interp.metric import ExplanationMetric, MetricCase, MetricParams
from interp_standard.metric.ask import RemovalParams, ask, hidden, ranked


class DeletionParams(RemovalParams):
    """How the pixels go."""

    steps: int = Field(28, ge=2, description="equal shares in which the pixels are taken")


@dataclass(frozen=True)
class Deletion(ExplanationMetric):
    """Area under the target's probability while pixels are hidden, the most important first.

    The trapezoid over k / steps, k = 0 .. steps. V. Petsiuk, A. Das, K. Saenko: RISE, BMVC 2018,
    who hide by black in normalised input, which `fill` mean is. Ours: equal pixels in a random
    order, and steps that are shares of the image instead of 224 x 8 pixels.
    """

    Params: ClassVar[type[MetricParams]] = DeletionParams
    unit: ClassVar[str] = "mean probability"
    higher_is_better: ClassVar[bool] = False

    params: DeletionParams

    def measure(self, case: MetricCase) -> float:
        """Mean probability on the way from the whole image to nothing."""
        whole, empty, *between = self.scores(case, deleted=True)
        return area([whole, *between, empty])

    def scores(self, case: MetricCase, deleted: bool) -> np.ndarray:
        """Probabilities of the whole image, the empty one, and each step between, (steps + 1,)."""
        steps = self.params.steps
        labels = ranked(case.over_input(case.map), steps, case.context.seed)
        taken = np.tri(steps, dtype=np.uint8)[:-1]  # row k: shares 0 .. k are taken
        states = 1 - taken if deleted else taken
        return ask(case, hidden(case, labels, states, self.params), "prob")


def area(curve: list[float]) -> float:
    """Under values at equal distances over [0, 1], by trapezoids."""
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))
