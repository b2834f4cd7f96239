"""Running statistics of attributions over noisy copies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from interp.engine.noise import RunningMean

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["smoothgrad", "smoothgrad-sq", "vargrad"]


@dataclass
class NoiseStatistics:
    """Running mean, mean of squares or variance of attributions, with the mean's standard error.

    `signed`: of their sum over colours, else of the colour where it is largest.
    """

    signed: bool
    kind: Kind = "smoothgrad"
    seen: RunningMean = field(default_factory=RunningMean)

    @property
    def count(self) -> int:
        """How many draws were added."""
        return self.seen.count

    def add(self, attributions: Tensor) -> None:
        """Add attributions (B, C, h, w)."""
        values = attributions.double()
        values = values.square() if self.kind == "smoothgrad-sq" else values
        summed = self.signed and self.kind != "vargrad"
        self.seen.add(values.sum(1, keepdim=True) if summed else values)

    def estimate(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The map (h, w) and its standard error; None with one draw, and of a variance."""
        if self.kind == "vargrad":
            spread: Tensor = self.seen.variance
            return _array(spread.sum(0) if self.signed else spread.amax(0)), None
        mean: Tensor = self.seen.mean  # (C, h, w)
        colour = mean.abs().argmax(0, keepdim=True)
        values = _array((mean if self.signed else mean.abs().gather(0, colour))[0])
        if self.count < 2:
            return values, None
        error: Tensor = self.seen.error
        return values, _array(error.gather(0, colour)[0])


def _array(values: Tensor) -> np.ndarray:
    found: np.ndarray = values.float().cpu().numpy()
    return found
