"""What is settled about a model once its scores are known: activation, classes, notes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from interp.network.activation import sum_to_one
from interp.spec import InputSpec, ModelOptions, ModelSpec
from interp.storage.model_card import Sidecar, name_classes

if TYPE_CHECKING:
    from torch import Tensor


def describe_model(
    name: str,
    source: str,
    input: InputSpec,  # noqa: A002 - ModelSpec's own name
    scores: Tensor,
    known: Sidecar,
    file: Path | None,
    sidecar: Sidecar,
    options: ModelOptions,
    *,
    device: str,
    fingerprint: str,
    origin: str | None = None,
    notes: Sequence[str] = (),
) -> tuple[ModelSpec, bool]:
    """The spec of a model that answered `scores` (N, K), and whether these are probabilities.

    Activation and class names come from the options, else from the `sidecar` beside the `file`,
    else from what is `known` of the model, else they are guessed, which is noted.
    """
    normalised = sum_to_one(scores)
    assumed: list[str] = []
    activation = options.activation or sidecar.activation or known.activation
    if activation is None:
        activation = "none" if normalised else "softmax"
        assumed = ["the model answers probabilities; no activation is applied"] * normalised
    listed = known.classes if isinstance(known.classes, tuple) else None
    classes, class_notes = name_classes(scores.shape[1], listed, file, sidecar, options)
    spec = ModelSpec(
        name=name,
        source=source,
        input=input,
        activation=activation,
        classes=classes,
        device=device,
        precision=options.precision,
        fingerprint=fingerprint,
        origin=origin,
        notes=(*notes, *assumed, *class_notes),
    )
    return spec, normalised
