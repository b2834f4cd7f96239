"""A solver: the mean score with a part, less the mean score without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from interp.engine.component import Solver
from interp.engine.moments import Sums
from interp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


class MyName(Solver):
    """E[score | part on] - E[score | part off], for every part by itself."""

    second_order: ClassVar[bool] = False

    def weights(self, sums: Sums, full: Tensor, empty: Tensor) -> Tensor:
        """Intercept and weights (T, 1 + Q); InputError where a part was always or never on."""
        import torch

        on = sums.x[:, 1:]  # (R, Q), the first feature is the intercept's 1
        off = sums.weight[:, None] - on
        if bool((on <= 0).any() or (off <= 0).any()):
            raise InputError("a part was always on or always off; take more samples")
        with_part = sums.b[:, 1:] / on  # (T, Q)
        without = (sums.y[:, None] - sums.b[:, 1:]) / off
        return torch.cat([empty.to(without)[:, None], with_part - without], 1)
