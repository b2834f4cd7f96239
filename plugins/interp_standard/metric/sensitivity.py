"""Sensitivity-n: whether a map's sum over hidden cells goes with what the score loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from interp.metric import ExplanationMetric, MetricCase, MetricParams
from interp_standard.metric.ask import PoolParams, falls


class SensitivityParams(PoolParams):
    """How many cells are hidden, and how often."""

    shares: tuple[float, ...] = Field(
        (0.05, 0.1, 0.2, 0.4), min_length=1, description="shares of the cells hidden at once"
    )
    subsets: int = Field(50, ge=3, description="random subsets of each size")


@dataclass(frozen=True)
class SensitivityN(ExplanationMetric):
    """Pearson's correlation of sum_{i in S} R_i and f(x) - f(x without S), S of n random cells.

    R_i is the map's sum over cell i, f the target's score. Averaged over several n; 0 where a map
    is constant. M. Ancona et al.: Towards better understanding of gradient-based attribution
    methods, ICLR 2018. Ours: cells for pixels, and one pool of subsets for all methods.
    """

    Params: ClassVar[type[MetricParams]] = SensitivityParams
    unit: ClassVar[str] = "correlation"

    params: SensitivityParams

    def measure(self, case: MetricCase) -> float:
        """The mean correlation."""
        sums, lost = falls(case, self.states(case.context.seed), self.params)
        sizes = len(self.params.shares)
        pairs = zip(sums.reshape(sizes, -1), lost.reshape(sizes, -1), strict=True)
        return float(np.mean([pearson(one, other) for one, other in pairs]))

    def states(self, seed: int) -> np.ndarray:
        """0 for the cells hidden together, (sizes * subsets, cells^2); size by size."""
        shares, parts = self.params.shares, self.params.cells**2
        lot = np.random.default_rng(seed).random((len(shares), self.params.subsets, parts))
        places = lot.argsort(-1).argsort(-1)  # each cell's place in a random order
        sizes = np.maximum(1, np.rint(np.multiply(shares, parts)))[:, None, None]
        return (places >= sizes).astype(np.uint8).reshape(-1, parts)


def pearson(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two series (N,); 0 where one is constant."""
    one, other = first - first.mean(), second - second.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    tiny = 1e-12 * len(first) * float(np.abs(first).max() * np.abs(second).max())
    return float(one @ other) / size if size > tiny else 0.0
