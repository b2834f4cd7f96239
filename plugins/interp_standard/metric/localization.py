"""Localization: whether the box around what a map lights fits the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from interp.metric import ExplanationMetric, MetricCase, MetricParams, Truth
from interp_standard.localize.box import iou, largest_box
from interp_standard.localize.report import ACCEPT


class LocalizedParams(MetricParams):
    """Where the box is drawn, and when it is right."""

    share: float = Field(
        0.5, ge=0, le=1, description="share of the map's maximum from which a pixel is lit"
    )
    accept: float = Field(ACCEPT, gt=0, le=1, description="IoU from which a box is right")


@dataclass(frozen=True)
class Localized(ExplanationMetric):
    """1 where the box around the map's largest lit component fits a box of the target's class.

    Ground-truth-known localization at IoU .5. One `share` serves all methods, though each has one
    that suits it: to tune it on other images, see interp_standard.localize.
    """

    Params: ClassVar[type[MetricParams]] = LocalizedParams
    needs_truth: ClassVar[Truth] = "box"
    unit: ClassVar[str] = "share of images"

    params: LocalizedParams

    def measure(self, case: MetricCase) -> float:
        """1 for a box that fits, 0 for another or none."""
        box = largest_box(case.map, self.params.share)
        if box is None:
            return 0.0
        truths = [each.box for each in case.instances]
        return float(iou([box], truths).max() >= self.params.accept)
