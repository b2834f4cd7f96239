"""The model's own prediction for an image, and the targets to explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from interp.errors import InputError, ModelError
from interp.explanation import Prediction
from interp.model import ModelAdapter
from interp.spec import VALUE
from interp.target import Target, parse_target

if TYPE_CHECKING:
    from torch import Tensor

TOP = 5


def predict(model: ModelAdapter, pixels: Tensor, top: int = TOP) -> Prediction:
    """The model's best classes, or its first values, for one prepared image (3, h, w).

    Raises ModelError for scores that are NaN, infinite or not one per class.
    """
    import torch

    scores = model.predict(pixels[None])
    if scores.ndim != 2 or scores.shape[1] != len(model.spec.classes):
        raise ModelError(
            f"{model.spec.name} answers {tuple(scores.shape)}, "
            f"expected (1, {len(model.spec.classes)}) class scores"
        )
    if not bool(torch.isfinite(scores).all()):
        raise ModelError(f"{model.spec.name} answers NaN or infinity; check the model and input")
    chances = model.probabilities(scores)[0]
    count = min(top, len(chances))
    values = model.spec.unit == VALUE
    indices = range(count) if values else chances.topk(count).indices.tolist()
    return Prediction(
        tuple(model.spec.classes[each] for each in indices),
        tuple(indices),
        tuple(round(float(chances[each]), 6) for each in indices),
        model.spec.unit,
    )


def choose_targets(
    model: ModelAdapter, texts: Sequence[str], images: Sequence[np.ndarray]
) -> tuple[tuple[Prediction, ...], dict[Target, list[int]]]:
    """Each image's prediction, and for each target the indices of the images to explain it on.

    `texts` name the targets; without any, each image is explained for its predicted class, or for
    the model's first value.
    """
    if not images:
        raise InputError("no image given; name one with --image")
    predictions = tuple(predict(model, model.prepare(image)[0]) for image in images)
    groups: dict[Target, list[int]] = {}
    if texts:
        named = [parse_target(text, model.spec.classes) for text in texts]
        groups = {target: list(range(len(images))) for target in named}
    else:
        for index, each in enumerate(predictions):
            groups.setdefault(Target(each.indices[0], each.classes[0]), []).append(index)
    return predictions, groups
