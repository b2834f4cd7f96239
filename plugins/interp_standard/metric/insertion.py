"""Insertion: how fast the class appears as the pixels that a map calls important are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from interp.metric import MetricCase, MetricParams
from interp_standard.metric.deletion import Deletion, DeletionParams, area
from interp_standard.perturbation.fill import Fill


class InsertionParams(DeletionParams):
    """How the pixels come."""

    fill: Fill = Field("blur", description="what is seen at first; as for deletion")


@dataclass(frozen=True)
class Insertion(Deletion):
    """Area under the target's probability while pixels are shown, the most important first.

    From a blurred image to the whole one. V. Petsiuk et al.: RISE, BMVC 2018; ours as in Deletion.
    """

    Params: ClassVar[type[MetricParams]] = InsertionParams
    higher_is_better: ClassVar[bool] = True

    params: InsertionParams

    def measure(self, case: MetricCase) -> float:
        """Mean probability on the way from the blurred image to the whole one."""
        whole, empty, *between = self.scores(case, deleted=False)
        return area([empty, *between, whole])
