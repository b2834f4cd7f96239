"""A readout: how unsure a classifier is, as the score that methods explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from interp.errors import ModelError
from interp.readout import OutputDescription, RawOutput, Readout

if TYPE_CHECKING:
    from torch import Tensor


class MyName(Readout):
    """The entropy of the class probabilities, -sum p log p, in nats."""

    reads_scores: ClassVar[bool] = True

    def read(self, output: RawOutput) -> OutputDescription:
        """One score, called entropy. Raises ModelError for a model of one class."""
        count = output.scores().shape[1]
        if count < 2:
            raise ModelError(f"{output.model} answers {count} score; expected two or more")
        return OutputDescription("none", ("entropy",), scores=entropy, unit="nat")


def entropy(scores: Tensor) -> Tensor:
    """Entropy (N, 1) of the softmax of raw scores (N, K)."""
    logs = scores.log_softmax(1)
    return -(logs.exp() * logs).sum(1, keepdim=True)
