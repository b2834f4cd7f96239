"""Running statistics of attributions over noisy copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

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
    count: int = 0
    total: Tensor | None = None
    squares: Tensor | None = None

    def add(self, attributions: Tensor) -> None:
        """Add attributions (B, C, h, w)."""
        seen = attributions.double()
        seen = seen.square() if self.kind == "smoothgrad-sq" else seen
        seen = seen.sum(1, keepdim=True) if self.signed and self.kind != "vargrad" else seen
        total, squares = seen.sum(0), seen.square().sum(0)
        self.total = total if self.total is None else self.total + total
        self.squares = squares if self.squares is None else self.squares + squares
        self.count += len(attributions)

    def estimate(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The map (h, w) and its standard error; None with one draw, and of a variance."""
        assert self.total is not None and self.squares is not None  # noqa: S101 - after add
        mean = self.total / self.count  # (C, h, w)
        variance = (self.squares / self.count - mean.square()).clamp_min(0)
        if self.kind == "vargrad":
            return _array(variance.sum(0) if self.signed else variance.amax(0)), None
        colour = mean.abs().argmax(0, keepdim=True)
        values = _array((mean if self.signed else mean.abs().gather(0, colour))[0])
        if self.count < 2:
            return values, None
        return values, _array((variance / (self.count - 1)).sqrt().gather(0, colour)[0])


def _array(values: Tensor) -> np.ndarray:
    found: np.ndarray = values.float().cpu().numpy()
    return found
