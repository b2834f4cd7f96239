"""Stability: whether another seed gives the same map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from interp.metric import ExplanationMetric, MetricCase, MetricParams
from interp_standard.metric.rank import alike


class StabilityParams(MetricParams):
    """How many seeds, on how many images."""

    images: int | None = Field(10, ge=1, description="measure the first so many images")
    seeds: int = Field(3, ge=2, description="seeds compared, the evaluation's own and the next")


@dataclass(frozen=True)
class Stability(ExplanationMetric):
    """Mean Spearman correlation of a method's maps of one image under different seeds.

    1 for a method that draws nothing at random.
    """

    Params: ClassVar[type[MetricParams]] = StabilityParams
    unit: ClassVar[str] = "rank correlation"

    params: StabilityParams

    def measure(self, case: MetricCase) -> float:
        """Mean over all pairs of seeds."""
        maps, seed = [case.map], case.context.seed
        for each in range(1, self.params.seeds):
            maps.append(case.explain(seed=seed + each))
            if np.array_equal(maps[0], maps[-1]):  # it draws nothing: more seeds say no more
                return 1.0
        return alike(maps, case.model.spec.input)
