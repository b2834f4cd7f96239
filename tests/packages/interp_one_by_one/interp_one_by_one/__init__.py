"""A solver: the slope of the score over each part by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from interp.engine.component import Solver
from interp.engine.moments import Sums
from interp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


class OneByOne(Solver):
    """cov(z, score) / var(z) of each part z, as if it were alone."""

    second_order: ClassVar[bool] = False

    def weights(self, sums: Sums, full: Tensor, empty: Tensor) -> Tensor:
        """Intercept and slopes (T, 1 + Q); InputError where a part never changed."""
        import torch

        share = sums.x[:, 1:] / sums.weight[:, None]  # (R, Q)
        spread = share * (1 - share)
        if bool((spread <= 0).any()):
            raise InputError("a part was always on or always off; take more samples")
        mean = sums.y / sums.weight  # (T,)
        both = sums.b[:, 1:] / sums.weight[:, None]
        slopes = (both - share * mean[:, None]) / spread
        return torch.cat([(mean - (slopes * share).sum(1))[:, None], slopes], 1)
