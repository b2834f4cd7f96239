"""How much each state counts, for methods composed in a registry.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from interp.engine.component import Component, Weighting
from interp.params import Params
from interp_standard.shapley import log_kernel

if TYPE_CHECKING:
    from torch import Tensor

    from interp.engine.design import Design


@dataclass(frozen=True)
class Uniform(Component, Weighting):
    """All alike; the full and the empty image do not count."""

    anchors: ClassVar[bool] = False

    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        return scores.new_ones(len(states)).double()


class NearParams(Params):
    """LIME's locality."""

    kernel_width: float = Field(
        0.25, gt=0, description="distance at which a sample's weight has fallen to exp(-1/2)"
    )


@dataclass(frozen=True)
class Near(Component, Weighting):
    """Samples near the original count more: exp(-d^2 / (2 width^2)).

    d = 1 - sqrt(share of the parts that are on), the cosine distance of the state from all-on.
    M. T. Ribeiro, S. Singh, C. Guestrin: "Why Should I Trust You?", KDD 2016, writes
    exp(-d^2 / width^2); the 2, and the width, are the authors' program's.
    """

    Params: ClassVar[type[Params]] = NearParams

    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        distance = 1 - states.double().mean(1).sqrt()
        return (-distance.square() / (2 * self.params.kernel_width**2)).exp()


@dataclass(frozen=True)
class ShapleyKernel(Component, Weighting):
    """The Shapley kernel, less what the states' own law has of it already."""

    anchors: ClassVar[bool] = False

    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        return (log_kernel(states) - design.proposal(states).log()).nan_to_num(nan=-700).exp()
