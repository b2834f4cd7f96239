"""Energy: how much of a map lies on the object, or on the parts that tell its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from interp.dataset import Example, Instance
from interp.metric import ExplanationMetric, MetricCase, MetricParams, Truth, instances_of
from interp.target import Target
from interp_standard.localize.region import energy


@dataclass(frozen=True)
class EnergyMask(ExplanationMetric):
    """Share of the positive map inside the masks of the target's class; 0 for an empty map.

    H. Wang et al.: Score-CAM, CVPR Workshops 2020 (the energy-based pointing game), who use boxes.
    """

    needs_truth: ClassVar[Truth] = "mask"
    unit: ClassVar[str] = "share of the map"

    def measure(self, case: MetricCase) -> float:
        """The share."""
        masks = [each.mask for each in case.instances if each.mask is not None]
        return energy(case.map, np.any(masks, axis=0))


class PartsParams(MetricParams):
    """Which parts tell the class."""

    parts: tuple[str, ...] = Field(
        (), description="names of the parts; none: those that the data set marks as defining"
    )


@dataclass(frozen=True)
class EnergyParts(ExplanationMetric):
    """Share of the positive map inside the parts that tell the target's class.

    The same, with a sharper truth: where a class is told by its parts alone, what lies on the
    rest of the object is no reason.
    """

    Params: ClassVar[type[MetricParams]] = PartsParams
    needs_truth: ClassVar[Truth] = "parts"
    unit: ClassVar[str] = "share of the map"

    params: PartsParams

    def applies(self, example: Example, target: Target) -> bool:
        """Whether the mask of such a part is known."""
        return bool(self._masks(instances_of(example, target)))

    def measure(self, case: MetricCase) -> float:
        """The share."""
        return energy(case.map, np.any(self._masks(case.instances), axis=0))

    def _masks(self, instances: list[Instance]) -> list[np.ndarray]:
        wanted = self.params.parts
        return [
            part.mask
            for each in instances
            for part in each.parts
            if part.mask is not None and (part.name in wanted if wanted else part.defining)
        ]
