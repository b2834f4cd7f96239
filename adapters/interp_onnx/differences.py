"""Slopes of what follows a cut by differences of its scores, where no program records them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from interp.cut import Frontier
from interp.errors import ModelError
from interp.network.scores import close
from interp_onnx.finite_difference import differentiate
from interp_onnx.float64 import to_double, to_double_frontier
from interp_onnx.network import Network
from interp_onnx.session import Session
from interp_onnx.split import Halves
from interp_onnx.unrounded import smooth_suffix

EXACT = 1e-5
"""How far the scores in float64 may be from the others, relative to the largest score."""
ROUNDED = 0.3
"""How far scores may be moved by rounding, relative to the largest, in a graph of many layers."""
Run = Callable[..., list[Tensor]]
"""A session of the rest, or a program: (activation, *live tensors) -> [scores]."""


@dataclass(eq=False)
class Differences:
    """Central differences of the rest's scores, in float64 where onnxruntime has it."""

    place: str
    """Of the errors: "a quantised model, and slopes at layer"."""
    network: Network
    halves: Halves
    back: Session
    scores: Callable[[Run, Frontier, Tensor], Tensor]
    """(session, frontier, activation) -> (B, K)."""
    _precise: Session | None = field(default=None, repr=False)
    """Once searched for: the rest in float64, or else `back`."""

    def __call__(self, frontier: Frontier, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (1, K), their slopes along directions (M, ...), (M, K), and these' errors."""
        back, frontier = self._most_precise(frontier)
        return differentiate(
            lambda activation: self.scores(back, frontier, activation),
            frontier.activation,
            directions.to(frontier.activation.device),
        )

    def _most_precise(self, frontier: Frontier) -> tuple[Session, Frontier]:
        """The rest in float64 with a float64 frontier, or both as they are where there is none."""
        wide = to_double_frontier(frontier)
        if self._precise is None:
            self._precise = self._open_double(frontier, wide)
            if self._precise is None and self.network.graph.quantised:
                raise ModelError(
                    f"{self.place} cannot be computed; choose another layer, or a method that "
                    "needs no slopes"
                )
            self._precise = self._precise or self.back
        return self._precise, frontier if self._precise is self.back else wide

    def _open_double(self, frontier: Frontier, wide: Frontier) -> Session | None:
        """The rest in float64, if onnxruntime can run it and its scores are those of the rest.

        Of a quantised graph the rest without rounding, whose scores may differ by the rounding.
        """
        quantised = self.network.graph.quantised
        try:
            part, shapes = smooth_suffix(self.halves, wide.activation)
            session = self.network.engine.session(to_double(part, shapes))
            found = self.scores(session, wide, wide.activation)
        except Exception:  # onnxruntime's errors share no class
            return None
        expected = self.scores(self.back, frontier, frontier.activation).float()
        return session if close(found, expected, ROUNDED if quantised else EXACT) else None
