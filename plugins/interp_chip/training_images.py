"""The images that CHIP learns from: chosen, checked, and ordered by turns of class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from interp.class_match import match_classes
from interp.context import Context
from interp.dataset import Dataset, TolerantReader
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.training.samples import matched
from interp_chip.moments import FOLDS
from interp_chip.params import ChipParams

BATCH = 16
NAMED = 20
"""The most classes without images that are named."""


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

    Rows are the data's classes: where only a class's own images count for it, those that have some.
    Unreadable images are left out, counted and named. InputError where no image is left.
    """
    labels = matched(model, dataset, "name the data's classes as the model does")
    assumed = match_classes(dataset.classes, model.spec.classes).notes
    reader, taken, left_out = TolerantReader(dataset), Counter[int](), Counter[int | None]()
    found: list[tuple[int, int, int, str]] = []  # turn of its class, label, index, name

    def full(label: int) -> bool:
        return params.images is not None and taken[label] >= params.images

    for label, index, name, top in _classified(model, reader, full, context):
        if label is None or (params.correct and top != labels[label]):
            left_out[label] += 1
        elif not full(label):
            found.append((taken[label], label, index, f"{index}: {name}"))
            taken[label] += 1
    own = params.image_weight == "label"
    notes = [*assumed, *reader.notes(), *_notes(dataset, taken, left_out, own)]
    if not found:
        raise InputError(f"none of {len(dataset)} images can be learned from: {'; '.join(notes)}")
    classes = sorted({labels[label] for label in (taken if own else range(len(labels)))})
    found.sort(key=lambda each: each[0])  # by turns, so that an early end is fair to all classes
    images = []
    for turn, label, index, name in found:
        row = classes.index(labels[label]) if own else -1
        images.append(TrainingImage(name, index, row, turn % FOLDS))
    return TrainingImages(dataset, tuple(images), tuple(classes), tuple(notes))


def _classified(
    model: ModelAdapter, reader: TolerantReader, full: Callable[[int], bool], context: Context
) -> Iterator[tuple[int | None, int, str, int]]:
    """(label, index, name, model's class) of images, in batches, until every class is full."""
    batch: list[tuple[int, int, str, Tensor]] = []
    dataset = reader.dataset
    order = np.random.Generator(np.random.Philox(context.seed)).permutation(len(dataset)).tolist()
    for done, (index, example) in enumerate(reader.examples(order), 1):
        context.out_of_time()
        context.progress("choosing images", done, len(order))
        if example is not None and example.label is None:
            yield None, index, example.name, -1
        elif example is not None and example.label is not None and not full(example.label):
            batch.append((example.label, index, example.name, model.prepare(example.image)[0]))
        if batch and (len(batch) == BATCH or done == len(order)):
            top = model.predict(torch.stack([each for *_, each in batch])).argmax(1).tolist()
            yield from ((*each[:3], best) for each, best in zip(batch, top, strict=True))
            batch = []
        if all(full(label) for label in range(len(dataset.classes))):
            return


def _notes(
    dataset: Dataset, taken: Counter[int], left_out: Counter[int | None], own: bool
) -> Iterator[str]:
    """What was left out, for the user."""
    if left_out[None]:
        yield f"{left_out[None]} images without a label were left out"
    how = "not learned" if own else "learned from images of other classes alone"
    empty = [label for label in range(len(dataset.classes)) if not taken[label]]
    for label in empty[:NAMED]:
        seen = left_out[label]
        why = f"all {seen} images of it are classified as something else" if seen else ""
        yield f"{dataset.classes[label]} is {how}: {why or 'it has no images'}"
    if empty[NAMED:]:
        yield f"{len(empty) - NAMED} more classes are {how}"
