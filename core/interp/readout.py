"""Readouts: how a model's raw output becomes scores (N, K) with names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from interp.network.scores import check_scores, within_one
from interp.spec import ModelOptions
from interp.storage.model_card import ModelCard, name_classes

if TYPE_CHECKING:
    from torch import Tensor

Activation = Literal["softmax", "sigmoid", "none"]


@dataclass(frozen=True, eq=False)
class RawOutput:
    """What a model answered to two probe images, and what is known of its meaning.

    Options count more than the `card` beside the model's `file`, and that more than what is
    `known` of the model itself.
    """

    model: str
    """The model's name, for messages."""
    value: object
    options: ModelOptions = field(default_factory=ModelOptions)
    card: ModelCard = field(default_factory=ModelCard)
    known: ModelCard = field(default_factory=ModelCard)
    file: Path | None = None
    ask: Callable[[], Tensor] | None = None
    """Asks the model for its raw output on images as unlike as can be, most of them far outside
    [0, 1]; None where that is not possible."""

    def scores(self) -> Tensor:
        """The output as scores (2, K) float32. Raises ModelError for any other output."""
        return check_scores(self.value, self.model)

    @property
    def activation(self) -> Activation | None:
        """The activation that somebody states; None where nobody does."""
        return self.options.activation or self.card.activation or self.known.activation

    def names(
        self, count: int, also: tuple[int, ...] = (), word: str = "class"
    ) -> tuple[tuple[str, ...], list[str]]:
        """Names of `count` outputs, or of as many as `also` allows, and notes; see name_classes."""
        listed = self.known.classes if isinstance(self.known.classes, tuple) else None
        return name_classes(count, listed, self.file, self.card, self.options, also, word)

    def bounded(self) -> bool:
        """Whether all that the model answers lies in [0, 1], as far as asking it tells."""
        if not within_one(self.scores()):
            return False
        if self.ask is None:
            return True
        try:
            return within_one(self.ask())
        except Exception:  # the model's own code, on images that it was not made for
            return True


def as_they_are(output: Tensor) -> Tensor:
    """Scores that are the model's raw output already."""
    return output


@dataclass(frozen=True, eq=False)
class OutputDescription:
    """Meaning of a model's output, with notes on what was assumed."""

    activation: Activation
    classes: tuple[str, ...]
    """Names of the scores."""
    normalised: bool = False
    """Whether the scores are probabilities already."""
    notes: list[str] | tuple[str, ...] = ()
    scores: Callable[[Tensor], Tensor] = as_they_are
    """Scores (N, K) of the raw output; differentiable where the model is."""
    unit: str = "probability"
    """Unit of the scores, once they are activated."""
    readout: str = "classes"
    """The registered name of the readout."""


class Readout(ABC):
    """Turns a model's raw output into scores (N, K) with names; registered as kind `readout`.

    It is asked once, when a model is opened. Methods see its scores only, so that any method
    explains any output that some readout understands.
    """

    @abstractmethod
    def read(self, output: RawOutput) -> OutputDescription:
        """How to read this model's output. Raises ModelError for an output of another kind."""
