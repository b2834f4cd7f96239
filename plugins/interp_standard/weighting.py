"""Weightings of states, for methods composed in a registry.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from interp.engine.component import Component, Weighting
from interp.engine.design import Design
from interp.params import Params

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Uniform(Component, Weighting):
    """Equal weights; the whole image and the empty one are left out."""

    anchors = False

    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        return scores.new_ones(len(states)).double()


class NearParams(Params):
    """Parameters of LIME's locality kernel."""

    kernel_width: float = Field(
        0.25, gt=0, description="distance at which a sample's weight has fallen to exp(-1/2)"
    )


@dataclass(frozen=True)
class Near(Component, Weighting):
    """Samples near the original count more: `exp(-d^2 / (2 width^2))`.

    `d = 1 - sqrt(share of the parts that are on)`, the cosine distance of the state from all-on.
    M. T. Ribeiro, S. Singh, C. Guestrin: "Why Should I Trust You?", KDD 2016, writes `exp(-d^2 /
    width^2)`; the 2, and the width, are the authors' program's.
    """

    Params = NearParams

    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        distance = 1 - states.double().mean(1).sqrt()
        return (-distance.square() / (2 * self.params.kernel_width**2)).exp()


@dataclass(frozen=True)
class ShapleyKernel(Component, Weighting):
    """The Shapley kernel divided by the probability with which each state was drawn.

    `(P - 1) / (C(P, s) s (P - s))` for a state with s of P parts on, `C(P, s)` the number of such
    states: very small and very large sets of parts count most. S. Lundberg, S.-I. Lee: A Unified
    Approach to Interpreting Model Predictions, NeurIPS 2017.
    """

    anchors = False

    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        return (
            (log_shapley_kernel(states) - design.proposal(states).log()).nan_to_num(nan=-700).exp()
        )


def log_shapley_kernel(states: Tensor) -> Tensor:
    """log of (P - 1) / (C(P, s) s (P - s)) for states (B, P) with s parts on, (B,).

    -inf for the full and the empty state: these enter as the constraint. S. Lundberg, S.-I. Lee:
    A Unified Approach to Interpreting Model Predictions, NeurIPS 2017.
    """
    import torch

    parts = states.shape[1]
    size = states.double().sum(1)
    inside = (size > 0) & (size < parts)
    s = size.where(inside, torch.ones_like(size))
    total = torch.full_like(s, parts)
    choose = (total + 1).lgamma() - (s + 1).lgamma() - (total - s + 1).lgamma()
    found = (total - 1).log() - choose - s.log() - (total - s).log()
    return found.masked_fill(~inside, -torch.inf)
