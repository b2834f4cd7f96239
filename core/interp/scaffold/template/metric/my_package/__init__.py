"""A metric: how few pixels hold most of a map."""

from __future__ import annotations

import numpy as np
from interp.metric import ExplanationMetric, MetricCase, MetricParams
from pydantic import Field


class MyNameParams(MetricParams):
    """How much of the map must be held."""

    share: float = Field(0.5, gt=0, lt=1, description="share of the map's positive values to hold")


class MyName(ExplanationMetric):
    """The smallest share of the pixels that holds `share` of the map's positive values."""

    Params = MyNameParams
    unit = "share of pixels"
    higher_is_better = False
    params: MyNameParams

    def measure(self, case: MetricCase) -> float:
        """A share in (0, 1]; 1 for a map without positive values."""
        values = np.sort(case.map.clip(0), axis=None)[::-1].astype(np.float64)
        held = values.cumsum()
        if held[-1] == 0:
            return 1.0
        enough = int(np.searchsorted(held, self.params.share * held[-1])) + 1
        return enough / values.size
