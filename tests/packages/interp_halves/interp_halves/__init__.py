"""A weighting: samples in which half of the parts are on count most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from interp.engine.component import Component, Weighting
from interp.engine.design import Design
from interp.params import Params

if TYPE_CHECKING:
    from torch import Tensor


class HalvesParams(Params):
    """How sharply."""

    sharpness: float = Field(1.0, gt=0, le=20, description="exponent of on times off")


@dataclass(frozen=True)
class Halves(Component, Weighting):
    """(4 share (1 - share)) ** sharpness of the share that is on, at least 1e-6."""

    Params = HalvesParams
    params: HalvesParams

    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        """Weights (B,) of states (B, P)."""
        share = states.double().mean(1)
        return (4 * share * (1 - share)).pow(self.params.sharpness).clamp_min(1e-6)
