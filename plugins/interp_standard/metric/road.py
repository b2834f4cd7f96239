"""ROAD: remove and debias, most important pixels first against least important first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from interp.engine.design import Design
from interp.engine.random import content_key
from interp.metric import ExplanationMetric, MetricCase, MetricParams
from interp_standard.metric.impute import impute
from interp_standard.metric.removal import rank_shares, target_scores

FINEST = 1000
"""Number of ranks: a share of pixels is removed to the nearest thousandth."""
PIECE = 2
"""Pictures imputed together on a CPU: more leave its caches, and wait for the slowest one."""


class RoadParams(MetricParams):
    """ROAD's parameters."""

    shares: tuple[float, ...] = Field(
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9), min_length=1, description="shares of pixels removed"
    )
    noise: float = Field(
        0.01, ge=0, description="standard deviation of the noise added to imputed pixels, in [0, 1]"
    )


@dataclass(frozen=True)
class Road(ExplanationMetric):
    """Mean probability with the least important pixels removed, less that with the most important.

    A removed pixel becomes the weighted mean of its neighbours, with noise (`impute`), so that the
    shape of the hole, which by itself can reveal the class, is hidden. Y. Rong et al.: A Consistent
    and Efficient Evaluation Strategy for Attribution Methods, ICML 2022, who report the two orders
    separately, by accuracy. Ours: one noise for all of an image's pictures.
    """

    Params = RoadParams
    unit = "probability"

    params: RoadParams

    def measure(self, case: MetricCase) -> float:
        """Difference of the two orders' probabilities, averaged over the shares."""
        scores = target_scores(case, Pictures(self.pictures(case)), "prob")
        first, last = np.split(scores, 2)
        return float(last.mean() - first.mean())

    def pictures(self, case: MetricCase) -> Tensor:
        """The image less each share of pixels: most important first, then least, (2 S, 3, h, w)."""
        ranks = rank_shares(case.over_input(case.map), FINEST, case.context.seed)
        cuts = np.multiply(self.params.shares, FINEST)[:, None, None]
        removed = np.concatenate([ranks < cuts, ranks >= FINEST - cuts])  # (2 S, h, w)
        gone = torch.from_numpy(removed).to(case.pixels.device)
        random = np.random.default_rng(case.context.seed)
        noise = random.normal(0, self.params.noise, case.pixels.shape).astype(np.float32)
        together = len(gone) if gone.is_cuda else PIECE
        filled = torch.cat([impute(case.pixels, each) for each in gone.split(together)])
        return filled + case.model.to_device(noise) * gone.unsqueeze(1)


@dataclass(frozen=True, eq=False)
class Pictures(Design):
    """A design over finished pictures (N, 3, h, w): state n is picture n."""

    pictures: Tensor

    @property
    def parts(self) -> int:  # type: ignore[override]
        return len(self.pictures)

    @property
    def size(self) -> int:  # type: ignore[override]
        return len(self.pictures)

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self.pictures.device

    @cached_property
    def key(self) -> str:  # type: ignore[override]
        return content_key("pictures", self.pictures.cpu().numpy())

    def draw(self, chunk: int) -> Tensor:
        rows = torch.eye(len(self.pictures), dtype=torch.uint8, device=self.device)
        return rows[chunk * self.chunk : (chunk + 1) * self.chunk]

    def apply(self, states: Tensor) -> Tensor:
        return self.pictures[states.argmax(1)]

    def distance(self, states: Tensor) -> Tensor:
        raise NotImplementedError("finished pictures have no original")

    def paint(self, weights: np.ndarray) -> np.ndarray:
        raise NotImplementedError("finished pictures have no parts")
