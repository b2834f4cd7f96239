"""What a model's scores mean: activation and class names, as given or guessed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from interp.network.scores import sum_to_one
from interp.spec import ModelOptions
from interp.storage.model_card import ModelCard, name_classes

if TYPE_CHECKING:
    from torch import Tensor


class OutputDescription(NamedTuple):
    """Meaning of a model's scores, with notes on what was guessed."""

    activation: Literal["softmax", "sigmoid", "none"]
    classes: tuple[str, ...]
    normalised: bool
    """Whether the scores are probabilities already."""
    notes: list[str]


def describe_output(
    scores: Tensor, known: ModelCard, file: Path | None, sidecar: ModelCard, options: ModelOptions
) -> OutputDescription:
    """Activation and class names of a model that answered `scores` (N, K).

    They come from the options, else from the `sidecar` beside the `file`, else from what is
    `known` of the model, else they are guessed.
    """
    normalised = sum_to_one(scores)
    notes: list[str] = []
    activation = options.activation or sidecar.activation or known.activation
    if activation is None:
        activation = "none" if normalised else "softmax"
        notes = ["the model answers probabilities; no activation is applied"] * normalised
    listed = known.classes if isinstance(known.classes, tuple) else None
    classes, class_notes = name_classes(scores.shape[1], listed, file, sidecar, options)
    return OutputDescription(activation, classes, normalised, notes + class_notes)
