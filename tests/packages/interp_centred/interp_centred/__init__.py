"""A metric: the share of a map that lies in the middle of the image."""

from __future__ import annotations

from pydantic import Field

from interp.metric import ExplanationMetric, MetricCase, MetricParams


class CentredParams(MetricParams):
    """How large the middle is."""

    part: float = Field(0.5, gt=0, lt=1, description="height and width of the middle, as a share")


class Centred(ExplanationMetric):
    """The sum of the positive values in the middle over the sum of all; 0 where there are none."""

    Params = CentredParams
    unit = "share of the map"
    higher_is_better = True
    params: CentredParams

    def measure(self, case: MetricCase) -> float:
        """A share in [0, 1]."""
        values = case.map.clip(0)
        height, width = values.shape
        top, left = (round(each * (1 - self.params.part) / 2) for each in values.shape)
        total = float(values.sum())
        middle = values[top : height - top, left : width - left]
        return float(middle.sum()) / total if total else 0.0
