"""The images of a comparison, read some at a time, with what is asked about each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from interp.dataset import Dataset, Example
from interp.errors import InputError, about
from interp.explanation import Prediction
from interp.image_group import ImageGroup
from interp.model import ModelAdapter
from interp.opening.prediction import predict_each
from interp.session import Session
from interp.target import index_text, parse_target

PIXELS = 8_000_000
"""Pixels, counted for each target, from which on no further image is read along with others."""

Portion = dict[int, tuple[Example, ModelAdapter] | str]
"""Images by their numbers, each with the model as it scores that one, or why it is left out."""


@dataclass(frozen=True, eq=False)
class AskedImage:
    """An image by its number, the model as it scores that one, and the targets by their texts.

    `group` holds the images that methods may explain along with it; None: it is by itself.
    """

    number: int
    example: Example
    model: ModelAdapter
    prediction: Prediction
    texts: tuple[str, ...]
    group: ImageGroup | None = None


@dataclass(frozen=True, eq=False)
class AskedImages:
    """The images of a comparison; without `texts` each is explained for its top-1 class.

    Where the model focuses, images are asked for one by one.
    """

    dataset: Dataset
    model: ModelAdapter
    texts: tuple[str, ...]
    limit: int | None = None

    def __len__(self) -> int:
        total = len(self.dataset)
        return total if self.limit is None else min(total, self.limit)

    def together(self, numbers: range, session: Session) -> Iterator[tuple[int, AskedImage | str]]:
        """Each image by its number, or why it is left out.

        Methods may explain them together in the session, as far as these are not large. Raises
        InputError where a single image has nothing to explain.
        """
        for portion in self._portions(numbers):
            asked = {each.number: each for each in self._asked(portion)}
            if len(asked) > 1:
                examples = {at: each.example for at, each in asked.items()}
                texts = {at: each.texts for at, each in asked.items()}
                group = ImageGroup(session, examples, texts)
                asked = {at: replace(each, group=group) for at, each in asked.items()}
            for at, each in portion.items():
                yield at, each if isinstance(each, str) else asked[at]

    def _portions(self, numbers: range) -> Iterator[Portion]:
        """The images, some in memory at a time."""
        portion: Portion = {}
        pixels = 0
        for number in numbers:
            found = portion[number] = self._found(number)
            shape = (0,) if isinstance(found, str) else found[0].image.shape[:2]
            pixels += math.prod(shape) * max(1, len(self.texts))
            if pixels >= PIXELS:
                yield portion
                portion, pixels = {}, 0
        if portion:
            yield portion

    def _found(self, number: int) -> tuple[Example, ModelAdapter] | str:
        try:
            example = self.dataset[number]
        except InputError as error:
            return str(error)
        try:
            with about(example.name):
                return example, self.model.focus(example.image)
        except InputError as error:
            if len(self) == 1:
                raise
            return str(error)

    def _asked(self, portion: Portion) -> Iterator[AskedImage]:
        """The images that are there, with the model's predictions of all from one pass."""
        shown = {at: each for at, each in portion.items() if not isinstance(each, str)}
        if not shown:
            return
        model = next(iter(shown.values()))[1]  # an image with a model of its own is alone
        predictions = predict_each(model, [example.image for example, _ in shown.values()])
        for (at, (example, _)), found in zip(shown.items(), predictions, strict=True):
            texts = self.texts or (_top_target(found, model.spec.classes),)
            yield AskedImage(at, example, model, found, texts)


def _top_target(prediction: Prediction, classes: Sequence[str]) -> str:
    """The top-1 class by name, or by index where another class has the same name."""
    name, index = prediction.classes[0], prediction.indices[0]
    try:
        return name if parse_target(name, classes).index == index else index_text(index, classes)
    except InputError:
        return index_text(index, classes)
