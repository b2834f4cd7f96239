"""The model's own prediction for an image, and the targets to explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from interp.errors import InputError, ModelError, about, users_code
from interp.evidence import Outline
from interp.explanation import Prediction
from interp.lazy_type import Tensor
from interp.model import ModelAdapter
from interp.network.outputs import outline
from interp.spec import VALUE
from interp.target import Target, parse_target

TOP = 5


def predict_image(model: ModelAdapter, image: np.ndarray, top: int = TOP) -> Prediction:
    """The model's prediction for an original image (H, W, 3) uint8; raises as `predict`."""
    focused = model.focus(image)
    return predict(focused, focused.prepare(image)[0], top)


def predict(model: ModelAdapter, pixels: Tensor, top: int = TOP) -> Prediction:
    """The model's best classes, or its first values, for one prepared image (3, h, w).

    Raises ModelError where the model fails, and for scores that are NaN, infinite or not one per
    class.
    """
    with users_code(f"{model.spec.name} fails on the image"):
        scores = model.predict(pixels[None])
    return _prediction(model, scores, top)


def predict_each(model: ModelAdapter, images: Sequence[np.ndarray]) -> tuple[Prediction, ...]:
    """The model's predictions for original images, from one pass; raises as `predict`."""
    scores = score_each(model, images)
    return tuple(_prediction(model, scores[at : at + 1]) for at in range(len(images)))


def score_each(model: ModelAdapter, images: Sequence[np.ndarray]) -> Tensor:
    """Raw scores (N, K) of original images, from one pass."""
    import torch

    pixels = torch.stack([model.prepare(each)[0] for each in images])
    with users_code(f"{model.spec.name} fails on the images"):
        return model.predict(pixels)


def _prediction(model: ModelAdapter, scores: Tensor, top: int = TOP) -> Prediction:
    """What raw scores (1, K) say; raises ModelError as predict."""
    import torch

    expected = (1, len(model.spec.classes))
    if not isinstance(scores, torch.Tensor) or tuple(scores.shape) != expected:
        raise ModelError(
            f"{model.spec.name} answers {outline(scores)}, expected {expected} class scores"
        )
    if not bool(torch.isfinite(scores).all()):
        raise ModelError(f"{model.spec.name} answers NaN or infinity; check the model and input")
    chances = model.probabilities(scores)[0]
    count = min(top, len(chances))
    values = model.spec.unit == VALUE
    listed = model.output.order if model.output else ()
    best = range(count) if values else chances.topk(count).indices.tolist()
    indices = listed[:count] or best
    return Prediction(
        tuple(model.spec.classes[each] for each in indices),
        tuple(indices),
        tuple(round(float(chances[each]), 6) for each in indices),
        model.spec.unit,
    )


def added_notes(model: ModelAdapter, focused: ModelAdapter) -> tuple[str, ...]:
    """What the readout says of one image, besides what it says of all."""
    return tuple(each for each in focused.spec.notes if each not in model.spec.notes)


@dataclass(frozen=True, eq=False)
class Question:
    """Targets to be explained in one call, on `images` by their numbers in the request.

    `model` is that of all images, or the one that scores a single image's own targets.
    """

    model: ModelAdapter
    targets: list[Target]
    images: list[int]

    @property
    def names(self) -> list[str]:
        """The targets' names."""
        return [each.name for each in self.targets]

    def outlines(self) -> Iterator[Outline]:
        """Where in the image each target belongs, where its readout knows."""
        regions = self.model.output.regions if self.model.output else ()
        for target in self.targets if regions else ():
            region = regions[target.index]
            if region is not None:
                yield Outline(
                    name="outline",
                    target=target.name,
                    image=self.images[0],
                    box=np.array(region.box, np.float64),
                    mask=region.mask,
                )


def choose_targets(
    model: ModelAdapter,
    texts: Sequence[str],
    images: Sequence[np.ndarray],
    names: Sequence[str] = (),
    scores: Tensor | None = None,
    own_texts: Sequence[Sequence[str]] = (),
) -> tuple[tuple[Prediction, ...], list[Question]]:
    """Each image's prediction, and what is to be explained about which images.

    `texts` name the targets; without any, each image is explained for its predicted class, or for
    the model's first value. One question asks for all targets where they share their images.
    `scores` (N, K) are the model's raw ones, where they are known. `own_texts` names the targets of
    each image by itself, in the place of `texts`.
    """
    if not images:
        raise InputError("no image given; name one with --image")
    named = names or [f"image {index}" for index in range(len(images))]
    models = []
    for image, name in zip(images, named, strict=True):
        with about(name):
            models.append(model.focus(image))
    predictions = tuple(
        predict(each, each.prepare(image)[0])
        if scores is None
        else _prediction(each, scores[at : at + 1])
        for at, (each, image) in enumerate(zip(models, images, strict=True))
    )
    asked = own_texts or [texts] * len(images)
    if model.focuses:
        questions = []
        for index, (each, own) in enumerate(zip(models, predictions, strict=True)):
            with about(named[index]):
                questions.append(Question(each, _targets(each, asked[index], own), [index]))
        return predictions, questions
    groups: dict[Target, list[int]] = {}
    for index, own in enumerate(predictions):
        for target in _targets(model, asked[index], own):
            groups.setdefault(target, []).append(index)
    if len({tuple(members) for members in groups.values()}) == 1:
        return predictions, [Question(model, list(groups), list(range(len(images))))]
    return predictions, [Question(model, [each], members) for each, members in groups.items()]


def _targets(model: ModelAdapter, texts: Sequence[str], own: Prediction) -> list[Target]:
    """The targets that the texts name, once each, else the predicted one."""
    if not texts:
        return [Target(own.indices[0], own.classes[0])]
    return list(dict.fromkeys(parse_target(text, model.spec.classes) for text in texts))
