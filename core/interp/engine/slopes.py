"""Slopes of scores by a layer's values, by the cheapest way that a cut has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp.context import Context
from interp.cut import Cut, Frontier, Output
from interp.network.direction import derivatives
from interp.target import Target

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Slopes:
    """Slopes g of target scores by the values of a layer's maps, R rows of them.

    The frontier holds one image, and each target is a row; or as many images as targets, and each
    row is one image with its target. A weighting asks for no more of g than it needs: where a cut
    has no gradient in one pass, a sum of slopes costs one direction, and all of them C h w.
    """

    cut: Cut
    frontier: Frontier
    targets: Sequence[Target]
    output: Output
    context: Context

    def all(self) -> Tensor:
        """g, (R, C, h, w)."""
        return self.cut.gradient(self.frontier, self.targets, self.output, self._on_step)

    def by_channel(self, shares: Tensor) -> Tensor:
        """sum_ij g_kij s_kij for shares s (1 or R, C, h, w), (R, C)."""
        if self.cut.one_pass:
            return (self.all() * shares).sum((2, 3))

        def directions(chosen: Tensor) -> Tensor:
            found = shares.new_zeros(len(chosen), *shares.shape[1:])
            found[range(len(chosen)), chosen] = shares[0, chosen]
            return found

        return self._along(shares.shape[1], directions)

    def by_cell(self, shares: Tensor) -> Tensor:
        """sum_k g_kij s_kij for shares s (1 or R, C, h, w), (R, h, w)."""
        if self.cut.one_pass:
            return (self.all() * shares).sum(1)
        flat = shares[0].flatten(1)  # (C, cells)

        def directions(chosen: Tensor) -> Tensor:
            found = flat.new_zeros(len(chosen), *flat.shape)
            found[range(len(chosen)), :, chosen] = flat[:, chosen].T
            return found.reshape(-1, *shares.shape[1:])

        return self._along(flat.shape[1], directions).reshape(-1, *shares.shape[2:])

    def _along(self, count: int, directions: Callable[[Tensor], Tensor]) -> Tensor:
        """Derivatives along directions, (T, count) float32."""
        found = derivatives(
            lambda given: self.cut.derivative(self.frontier, given, self.targets, self.output),
            self.frontier.activation,
            count,
            directions,
            self._on_step,
        )
        return found.T.float()

    def _on_step(self, done: int, total: int) -> None:
        if not self.cut.one_pass:
            self.context.progress("slopes", done, total)
        self.context.out_of_time()
