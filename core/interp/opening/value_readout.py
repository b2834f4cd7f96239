"""The readout `value`: named numbers, such as a regression's, taken as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from interp.errors import ModelError
from interp.readout import OutputDescription, RawOutput, Readout
from interp.spec import VALUE

if TYPE_CHECKING:
    from torch import Tensor


class ValueReadout(Readout):
    """Values (N, K) without activation: a target is an output by name, its score the value."""

    reads_scores: ClassVar[bool] = True

    def read(self, output: RawOutput) -> OutputDescription:
        scores = output.scores()
        stated = output.options.activation
        if stated not in (None, "none"):
            raise ModelError(
                f"found --activation {stated} with --readout value, which applies none; leave out "
                "one of the two"
            )
        names, notes = output.names(scores.shape[1], word=VALUE)
        others = output.card.activation or output.known.activation or "none"
        if others != "none":
            notes = [f"read as values: the activation {others} is not applied", *notes]
        return OutputDescription("none", names, False, notes, rows, VALUE, "value")


def rows(output: Tensor) -> Tensor:
    """One row for each image: (N, K) as it is, (N,) and () as (N, 1)."""
    return output if output.dim() > 1 else output.reshape(-1, 1)
