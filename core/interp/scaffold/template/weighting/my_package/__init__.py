"""A weighting: samples that show more of the image count more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp.engine.component import Component, Weighting
from interp.engine.design import Design
from interp.params import Params
from pydantic import Field

if TYPE_CHECKING:
    from torch import Tensor


class MyNameParams(Params):
    """How much more."""

    power: float = Field(2.0, ge=0, le=10, description="exponent of the share that is shown")


@dataclass(frozen=True)
class MyName(Component, Weighting):
    """(share of the parts that are on) ** power."""

    Params = MyNameParams
    params: MyNameParams

    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        """Weights (B,) of states (B, P)."""
        return states.double().mean(1).pow(self.params.power)
