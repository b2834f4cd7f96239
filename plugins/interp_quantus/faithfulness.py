"""Quantus' metrics of faithfulness: does the score follow the map where pixels are hidden?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from interp.metric import ExplanationMetric, MetricCase
from interp_quantus.bridge import ask
from interp_quantus.hiding import HiddenScore, HidingParams, hidden_nothing


@dataclass(frozen=True)
class Hiding(ExplanationMetric):
    """A metric of Quantus' that hides pixels of the network's input."""

    on_request = True
    Metric: ClassVar[str]

    params: Any

    def asked(self, case: MetricCase, settings: dict[str, Any]) -> np.ndarray:
        """What Quantus says of the case's map over the network's input."""
        score, values = HiddenScore(case, self.params), case.over_input(case.map)
        settings = {"perturb_baseline": 0.0, **settings}
        seed = case.context.seed
        try:
            return ask(self.Metric, settings, hidden_nothing(case), values, seed=seed, model=score)
        finally:
            score.release()


class PixelFlippingParams(HidingParams):
    """Pixel flipping's parameters."""

    steps: int = Field(
        28,
        ge=2,
        le=1000,
        description="number of equal shares in which pixels are hidden; the nearest number that "
        "divides the pixels",
    )


@dataclass(frozen=True)
class PixelFlipping(Hiding):
    """Mean score while pixels are hidden, the most important first: Quantus' PixelFlipping.

    Area under y_1 .. y_n over n - 1 steps, y_k the score with k of n shares hidden: the unchanged
    image's y_0 is left out, as by Quantus. S. Bach et al.: On Pixel-Wise Explanations, PLOS ONE
    2015. The area is taken here: Quantus 0.6 uses a function that NumPy 2.4 no longer has.
    """

    Params = PixelFlippingParams
    unit = "mean probability"
    higher_is_better = False
    Metric = "PixelFlipping"

    params: PixelFlippingParams

    def measure(self, case: MetricCase) -> float:
        """Area under Quantus' curve, over its width."""
        return float(np.trapezoid(curve := self.curve(case)) / (len(curve) - 1))

    def curve(self, case: MetricCase) -> np.ndarray:
        """Scores with 1 .. n shares of the pixels hidden, (n,)."""
        pixels = case.pixels[0].numel()
        steps = nearest_divisor(pixels, self.params.steps)
        return self.asked(case, {"features_in_step": pixels // steps})


class CorrelationParams(HidingParams):
    """Faithfulness correlation's parameters."""

    images: int | None = Field(20, ge=1, description="number of images measured, the first ones")
    subsets: int = Field(100, ge=3, le=10_000, description="number of random sets of pixels")
    share: float = Field(
        0.2, gt=0, lt=1, description="share of the pixels hidden together, drawn without order"
    )


@dataclass(frozen=True)
class FaithfulnessCorrelation(Hiding):
    """Pearson's correlation of a map's sum over random hidden pixels with the drop in score.

    U. Bhatt, A. Weller, J. Moura: Evaluating and Aggregating Feature-based Model Explanations,
    IJCAI 2020. Pixels are drawn one by one, so that sets of one size hide much the same of every
    region; sensitivity-n hides cells for that reason.
    """

    Params = CorrelationParams
    unit = "correlation"
    Metric = "FaithfulnessCorrelation"

    params: CorrelationParams

    def measure(self, case: MetricCase) -> float:
        """The correlation; 0 where the score does not change."""
        size = max(1, round(self.params.share * case.pixels[0].numel()))
        found = self.asked(case, {"nr_runs": self.params.subsets, "subset_size": size})
        return float(np.nan_to_num(found))


def nearest_divisor(count: int, wanted: int) -> int:
    """The divisor of `count` nearest to `wanted`, at least 2; of two the smaller."""
    divisors = [each for each in range(2, count + 1) if count % each == 0]
    return min(divisors, key=lambda each: abs(each - wanted))
