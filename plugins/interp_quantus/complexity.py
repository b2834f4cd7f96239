"""Quantus' metrics of complexity: over how much of the image a map is spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from interp.metric import ExplanationMetric, MetricCase
from interp_quantus.bridge import ask


@dataclass(frozen=True)
class Spread(ExplanationMetric):
    """A metric of Quantus' on the map's absolute values alone; neither model nor truth count.

    A concentrated map is easier to read, not truer: a map of one random pixel does best.
    """

    on_request = True
    Metric: ClassVar[str]

    def measure(self, case: MetricCase) -> float:
        values = case.map
        image = np.zeros((1, 1, *values.shape), np.float32)  # its shape is all that is looked at
        return float(ask(self.Metric, {}, image, values, seed=case.context.seed))


@dataclass(frozen=True)
class Sparseness(Spread):
    """Gini index of the map's absolute values, by Quantus' Sparseness.

    0 for an even map, near 1 for one pixel alone. P. Chalasani et al.: Concise Explanations of
    Neural Networks using Adversarial Training, ICML 2020.
    """

    unit = "Gini index"
    Metric = "Sparseness"


@dataclass(frozen=True)
class Complexity(Spread):
    """Entropy -sum_i p_i ln p_i, p_i a pixel's share of the map's absolute values, by Quantus.

    ln(H W) for an even map, 0 for one pixel alone. U. Bhatt, A. Weller, J. Moura: Evaluating and
    Aggregating Feature-based Model Explanations, IJCAI 2020.
    """

    unit = "nats"
    higher_is_better = False
    Metric = "Complexity"
