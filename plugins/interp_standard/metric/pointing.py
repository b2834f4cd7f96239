"""Pointing game: whether a map's maximum lies on the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from interp.metric import ExplanationMetric, MetricCase, MetricParams, Truth
from interp_standard.localize.region import inside, pointing


class PointingParams(MetricParams):
    """How near is a hit."""

    tolerance: float = Field(
        0, ge=0, description="pixels by which the maximum may miss; 15 in the paper"
    )


@dataclass(frozen=True)
class Pointing(ExplanationMetric):
    """1 where the map's maximum is on an object of the target's class, by its mask or else box.

    J. Zhang et al.: Top-down Neural Attention by Excitation Backprop, ECCV 2016. Equal maxima
    count by the share of them that hit.
    """

    Params: ClassVar[type[MetricParams]] = PointingParams
    needs_truth: ClassVar[Truth] = "box"
    unit: ClassVar[str] = "share of images"

    params: PointingParams

    def measure(self, case: MetricCase) -> float:
        """1 for a hit, 0 for a miss."""
        shape = case.image.shape[:2]
        places = [
            inside([each.box], shape) if each.mask is None else each.mask for each in case.instances
        ]
        return pointing(case.map, np.any(places, axis=0), self.params.tolerance)
