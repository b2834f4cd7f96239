"""Sensitivity-n and infidelity: does a map's sum over hidden cells match the score's fall?"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from interp.metric import ExplanationMetric, MetricCase
from interp_standard.metric.removal import RemovalParams, region_design, target_scores
from interp_standard.perturbation.region import grid


class FaithfulnessParams(RemovalParams):
    """Parameters of a metric that hides random cells, the same ones for every method."""

    cells: int = Field(14, ge=2, le=64, description="cells along each side of the image")
    output: Literal["logit", "prob", "logprob"] = Field(
        "prob", description="the class score whose fall the map should predict"
    )


@dataclass(frozen=True)
class Faithfulness(ExplanationMetric):
    """Compares the map's sums over randomly hidden cells with the falls of the score."""

    params: FaithfulnessParams

    @abstractmethod
    def states(self, seed: int) -> np.ndarray:
        """0 for the cells hidden together, 1 for the others, (N, cells^2) uint8."""

    def sums_and_falls(self, case: MetricCase) -> tuple[np.ndarray, np.ndarray]:
        """For each state the map's sum over its hidden cells, and the fall of the score, (N,)."""
        states = self.states(case.context.seed)
        labels = grid(case.pixels.shape[1], case.pixels.shape[2], self.params.cells)
        design = region_design(case, labels, states, self.params)
        scores = target_scores(case, design, self.params.output)
        values = case.over_input(case.map).ravel().astype(float)
        return (1 - states) @ np.bincount(labels.ravel(), values), scores[0] - scores[2:]


class SensitivityParams(FaithfulnessParams):
    """Sensitivity-n's parameters."""

    shares: tuple[float, ...] = Field(
        (0.05, 0.1, 0.2, 0.4), min_length=1, description="shares of the cells hidden at once"
    )
    subsets: int = Field(50, ge=3, description="number of random subsets of each size")


@dataclass(frozen=True)
class SensitivityN(Faithfulness):
    """Pearson's correlation of sum_{i in S} R_i and f(x) - f(x without S), S of n random cells.

    R_i is the map's sum over cell i, f the target's score. Averaged over several n; 0 where a map
    is constant. M. Ancona et al.: Towards better understanding of gradient-based attribution
    methods, ICLR 2018. Ours: cells for pixels, and one pool of subsets for all methods.
    """

    Params = SensitivityParams
    unit = "correlation"

    params: SensitivityParams

    def measure(self, case: MetricCase) -> float:
        sums, falls = (
            each.reshape(len(self.params.shares), -1) for each in self.sums_and_falls(case)
        )
        return float(np.mean([pearson(*pair) for pair in zip(sums, falls, strict=True)]))

    def states(self, seed: int) -> np.ndarray:
        """All subsets of one size, then those of the next, (sizes * subsets, cells^2)."""
        shares, parts = self.params.shares, self.params.cells**2
        lot = np.random.default_rng(seed).random((len(shares), self.params.subsets, parts))
        places = lot.argsort(-1).argsort(-1)  # each cell's place in a random order
        sizes = np.maximum(1, np.rint(np.multiply(shares, parts)))[:, None, None]
        return (places >= sizes).astype(np.uint8).reshape(-1, parts)


class InfidelityParams(FaithfulnessParams):
    """Infidelity's parameters."""

    squares: int = Field(
        100, ge=2, description="number of random squares, up to half the image's side"
    )
    scaled: bool = Field(
        True,
        description="scale the map by the best-fitting factor, so that its unit does not count",
    )


@dataclass(frozen=True)
class Infidelity(Faithfulness):
    """E_I [(b sum_{i in I} R_i - (f(x) - f(x without I)))^2] over random squares I.

    R is the map, f the target's score; b = E[u v] / E[u^2] of the sums u and the falls v, or 1
    where not `scaled`. C.-K. Yeh et al.: On the (In)fidelity and Sensitivity of Explanations,
    NeurIPS 2019, with square removal; R counts as a contribution (already times the input). Ours:
    squares of whole cells, and one pool of them for all methods.
    """

    Params = InfidelityParams
    unit = "squared score"
    higher_is_better = False

    params: InfidelityParams

    def measure(self, case: MetricCase) -> float:
        sums, falls = self.sums_and_falls(case)
        power, scale = float(sums @ sums), 1.0
        if self.params.scaled:
            scale = float(sums @ falls) / power if power > 0 else 0.0
        return float(np.mean((scale * sums - falls) ** 2))

    def states(self, seed: int) -> np.ndarray:
        """0 in a random square of cells, (squares, cells^2)."""
        random, cells = np.random.default_rng(seed), self.params.cells
        states = np.ones((self.params.squares, cells, cells), np.uint8)
        for each in states:
            side = random.integers(1, cells // 2 + 1)
            top, left = random.integers(0, cells - side + 1, 2)
            each[top : top + side, left : left + side] = 0
        return states.reshape(len(states), -1)


def pearson(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation of two series (N,); 0 where one is constant."""
    one, other = first - first.mean(), second - second.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    tiny = 1e-12 * len(first) * float(np.abs(first).max() * np.abs(second).max())
    return float(one @ other) / size if size > tiny else 0.0
