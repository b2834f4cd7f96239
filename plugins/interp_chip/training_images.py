"""The images that CHIP learns from: chosen, checked, and ordered by turns of class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from interp.context import Context
from interp.dataset import Dataset, TolerantReader
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.target import parse_target
from interp_chip.moments import FOLDS
from interp_chip.params import ChipParams

BATCH = 16


@dataclass(frozen=True, eq=False)
class TrainingImage:
    """One image to learn from: its index in the data and the row of W it counts for (-1: all)."""

    name: str
    index: int
    row: int
    group: int
    """The cross-validation group."""


@dataclass(frozen=True, eq=False)
class TrainingImages:
    """Images to learn from and the classes (model indices) that are the rows of W."""

    source: Sequence[np.ndarray] | Dataset
    images: tuple[TrainingImage, ...]
    classes: tuple[int, ...]
    notes: tuple[str, ...] = ()

    def pixels(self, image: TrainingImage) -> np.ndarray:
        """The original image, (H, W, 3) uint8."""
        found = self.source[image.index]
        return found if isinstance(found, np.ndarray) else found.image


def unlabelled_images(images: Sequence[np.ndarray], classes: Sequence[int]) -> TrainingImages:
    """Images (H, W, 3) without labels; each counts for every one of the classes."""
    members = [TrainingImage(f"given {at}", at, -1, at % FOLDS) for at in range(len(images))]
    return TrainingImages(images, tuple(members), tuple(classes))


def choose_images(
    model: ModelAdapter, dataset: Dataset, params: ChipParams, context: Context
) -> TrainingImages:
    """Up to params.images images of each class, in an order that the seed decides.

    Unreadable images are left out, counted and named. InputError where no image is left.
    """
    labels = [_model_class(model, name) for name in dataset.classes]
    search = _Search(model, TolerantReader(dataset), labels, params, context)
    found = list(search.run())
    if not found:
        raise InputError(
            f"none of {len(dataset)} images can be learned from: {'; '.join(search.notes())}"
        )
    learned = sorted({labels[label] for label, _, _ in found})
    turn = Counter[int]()
    members: list[tuple[int, TrainingImage]] = []
    for label, index, name in found:
        row = learned.index(labels[label]) if params.image_weight == "label" else -1
        members.append((turn[label], TrainingImage(name, index, row, turn[label] % FOLDS)))
        turn[label] += 1
    members.sort(key=lambda each: each[0])  # by turns, so that an early end is fair to all classes
    images = tuple(image for _, image in members)
    return TrainingImages(dataset, images, tuple(learned), tuple(search.notes()))


def _model_class(model: ModelAdapter, name: str) -> int:
    """The index of the model's class of this name; InputError where it has none."""
    try:
        return parse_target(name, model.spec.classes).index
    except InputError as error:
        raise InputError(
            f"the data's class {name!r} is none of {model.spec.name}'s: {error}; name the "
            "data's classes as the model does, or by their numbers"
        ) from error


@dataclass(eq=False)
class _Search:
    """One pass through the data, until every class has its images."""

    model: ModelAdapter
    reader: TolerantReader
    labels: list[int]
    """The model's class of each of the data's classes."""
    params: ChipParams
    context: Context
    taken: Counter[int] = field(default_factory=Counter)
    wrong: Counter[int] = field(default_factory=Counter)
    unlabelled: int = 0

    def run(self) -> Iterator[tuple[int, int, str]]:
        """(label, index, name) of each image that is taken."""
        batch: list[tuple[int, int, str, Tensor]] = []
        random = np.random.Generator(np.random.Philox(self.context.seed))
        order = random.permutation(len(self.reader.dataset)).tolist()
        for done, (index, example) in enumerate(self.reader.examples(order), 1):
            self.context.out_of_time()
            self.context.progress("choosing images", done, len(order))
            label = None if example is None else example.label
            if example is None or label is None:
                self.unlabelled += example is not None
            elif not self._enough(label):
                pixels, _ = self.model.prepare(example.image)
                batch.append((label, index, example.name, pixels))
            if batch and (len(batch) == BATCH or done == len(order)):
                yield from self._take(batch)
                batch = []
            if all(self._enough(label) for label in range(len(self.labels))):
                return

    def _take(self, batch: list[tuple[int, int, str, Tensor]]) -> Iterator[tuple[int, int, str]]:
        """Those of a batch that are needed and, if asked for, classified correctly."""
        top = self.model.predict(torch.stack([each for *_, each in batch])).argmax(1).tolist()
        for (label, index, name, _), best in zip(batch, top, strict=True):
            if self.params.correct and best != self.labels[label]:
                self.wrong[label] += 1
            elif not self._enough(label):
                self.taken[label] += 1
                yield label, index, f"{index}: {name}"

    def _enough(self, label: int) -> bool:
        return self.params.images is not None and self.taken[label] >= self.params.images

    def notes(self) -> list[str]:
        """What was left out, for the user."""
        notes = self.reader.notes()
        if self.unlabelled:
            notes.append(f"{self.unlabelled} images without a label were left out")
        for label, name in enumerate(self.reader.dataset.classes):
            if not self.taken[label]:
                seen = self.wrong[label]
                why = f"all {seen} images of it are classified as something else" if seen else ""
                notes.append(f"{name} is not learned: {why or 'it has no images'}")
        return notes
