"""Disjoint regions of an image and the law by which they are switched on and off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from interp.engine.component import Experiment
from interp.engine.design import ImageSubject, ListedRegions, RegionDesign
from interp.engine.random import draw_bits
from interp_standard.perturbation.fill import FillParams, cover
from interp_standard.shapley import log_kernel

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter
    from interp.network.placement import Placement

LARGEST = 16
"""Parts up to which all states may be listed."""
UNIT = 2.0**-32
"""One step of a uint32 as a share of all."""


class RegionParams(FillParams):
    """How regions are switched off."""

    states: Literal["coin", "shapley", "single"] = Field(
        "coin",
        description="coin: each part on or off by a fair coin; shapley: by the Shapley kernel, "
        "in complementary pairs; single: each part off alone. Where there are no more states "
        "than samples, coin and shapley try all of them once",
    )


@dataclass(frozen=True, eq=False)
class ShapleyRegions(RegionDesign):
    """States drawn by the Shapley kernel, each followed by its complement.

    The number of parts that are on has p(s) ~ 1 / (s (P - s)), 0 < s < P, and is drawn
    stratified within a chunk; which parts, uniformly. S. Lundberg, S.-I. Lee: A Unified Approach
    to Interpreting Model Predictions, NeurIPS 2017; pairs after I. Covert, S.-I. Lee, AISTATS
    2021. The strata are ours.
    """

    def draw(self, chunk: int) -> Tensor:
        import torch

        pairs = self.chunk // 2
        bits = draw_bits(
            self.seed, f"{self.stream}/{self.key}", chunk, pairs * (self.parts + 1)
        ).reshape(pairs, self.parts + 1)
        place = (np.arange(pairs) + bits[:, 0] * UNIT) / pairs  # one in each stratum
        sizes = 1 + np.searchsorted(self._cumulated, place, side="right")
        rank = bits[:, 1:].argsort(1, kind="stable").argsort(1, kind="stable")
        on = rank < np.minimum(sizes, self.parts - 1)[:, None]
        states = np.stack([on, ~on], 1).reshape(-1, self.parts).astype(np.uint8)
        if chunk == 0:
            states[0], states[1] = 1, 0
        return torch.from_numpy(states).to(self.device)

    def proposal(self, states: Tensor) -> Tensor:
        """The Shapley kernel."""
        return log_kernel(states).exp()

    @property
    def law(self) -> tuple[object, ...]:
        return self.seed, self.stream, "shapley"

    @property
    def _cumulated(self) -> np.ndarray:
        size = np.arange(1, self.parts)
        chance = 1 / (size * (self.parts - size))
        cumulated: np.ndarray = np.cumsum(chance / chance.sum())
        return cumulated


def region_experiment(
    model: ModelAdapter,
    pixels: Tensor,
    placement: Placement,
    labels: np.ndarray,
    params: RegionParams,
    count: int,
    seed: int,
) -> Experiment:
    """The experiment on an image (3, h, w) cut into labels (h, w), to be asked `count` times."""
    fill = cover(params, model, pixels, labels)
    subject = ImageSubject(model, pixels, placement)
    return Experiment(
        subject, region_design(pixels, labels, fill, params.states, count, seed), placement
    )


def region_design(
    pixels: Tensor, labels: np.ndarray, fill: Tensor, states: str, count: int, seed: int
) -> RegionDesign:
    """States of the regions, by the law that is wanted."""
    parts = int(labels.max()) + 1
    if states == "single":
        return ListedRegions(pixels, labels, fill, states=1 - np.eye(parts, dtype=np.uint8))
    if parts <= LARGEST and 2**parts <= count:
        return ListedRegions(pixels, labels, fill, states=every_state(parts))
    kind = ShapleyRegions if states == "shapley" else RegionDesign
    return kind(pixels, labels, fill, seed)


def every_state(parts: int) -> np.ndarray:
    """All states but all-on and all-off, (2^P - 2, P) uint8."""
    codes = np.arange(1, 2**parts - 1)
    return (codes[:, None] >> np.arange(parts) & 1).astype(np.uint8)
