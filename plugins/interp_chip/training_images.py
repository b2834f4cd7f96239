"""The images that CHIP learns from: chosen, checked, and ordered by turns of class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
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
    With params.every_class they are all of the model's, and as many images are taken that have no
    label, or none of the model's. Unreadable images are left out, counted and named. InputError
    where no image is left.
    """
    match, own = match_classes(dataset.classes, model.spec.classes), params.image_weight == "label"
    if not match.labels and not params.every_class:
        raise InputError(
            "found no classes in the data; put the images into a folder for each class, or learn "
            "from images without labels by --every-class"
        )
    if not params.every_class:
        matched(model, dataset, "name the data's classes as the model does")
    wanted = {None, *match.labels} if params.every_class else {*match.labels}
    reader, taken, left_out = TolerantReader(dataset), Counter[int | None](), Counter[int | None]()
    found: list[tuple[int, int | None, int, str]] = []  # turn of its class, class, index, name

    def full(label: int | None) -> bool:
        return params.images is not None and taken[label] >= params.images

    for label, index, name, top in _classified(model, reader, match.labels, wanted, full, context):
        if label not in wanted or (params.correct and label not in (top, None)):
            left_out[label] += 1
        elif not full(label):
            found.append((taken[label], label, index, f"{index}: {name}"))
            taken[label] += 1
    notes = [*match.notes, *reader.notes()]
    if any(map(full, taken)) and len(found) + len(reader.unreadable) < len(dataset):
        notes.append(
            f"learned from {len(found)} of {len(dataset)} images, at most {params.images} of each "
            f"class{' and without a label' if params.every_class else ''}; --images N takes more, "
            "and --images null all"
        )
    notes += (
        _counted(taken, left_out)
        if params.every_class
        else _missing(dataset, match.labels, taken, left_out, own)
    )
    if not found:
        raise InputError(f"none of {len(dataset)} images can be learned from: {'; '.join(notes)}")
    rows = taken if own else match.labels
    known = sorted({each for each in rows if each is not None})
    classes = range(len(model.spec.classes)) if params.every_class else known
    found.sort(key=lambda each: each[0])  # by turns, so that an early end is fair to all classes
    images = [
        TrainingImage(
            name, index, known.index(label) if own and label is not None else -1, turn % FOLDS
        )
        for turn, label, index, name in found
    ]
    return TrainingImages(dataset, tuple(images), tuple(classes), tuple(notes))


def _classified(
    model: ModelAdapter,
    reader: TolerantReader,
    labels: Sequence[int | None],
    wanted: Collection[int | None],
    full: Callable[[int | None], bool],
    context: Context,
) -> Iterator[tuple[int | None, int, str, int]]:
    """(class, index, name, model's answer) of images, in batches, until every class is full.

    The class is the model's, None for an image without one. What is not wanted is not run: -1.
    """
    batch: list[tuple[int | None, int, str, Tensor]] = []
    dataset, known = reader.dataset, [each for each in labels if each is not None]
    order = np.random.Generator(np.random.Philox(context.seed)).permutation(len(dataset)).tolist()
    for done, (index, example) in enumerate(reader.examples(order), 1):
        context.out_of_time()
        context.progress("choosing images", done, len(order))
        if example is not None:
            label = None if example.label is None else labels[example.label]
            if label not in wanted:
                yield label, index, example.name, -1
            elif not full(label):
                batch.append((label, index, example.name, model.prepare(example.image)[0]))
        if batch and (len(batch) == BATCH or done == len(order)):
            top = model.predict(torch.stack([each for *_, each in batch])).argmax(1).tolist()
            yield from ((*each[:3], best) for each, best in zip(batch, top, strict=True))
            batch = []
        if all(map(full, known or wanted)):
            return


def _missing(
    dataset: Dataset,
    labels: Sequence[int | None],
    taken: Counter[int | None],
    left_out: Counter[int | None],
    own: bool,
) -> Iterator[str]:
    """What was left out, and which of the data's classes have no images, for the user."""
    if left_out[None]:
        yield f"{left_out[None]} images without a label were left out"
    how = "not learned" if own else "learned from images of other classes alone"
    pairs = zip(dataset.classes, labels, strict=True)
    empty = [(name, left_out[label]) for name, label in pairs if not taken[label]]
    for name, seen in empty[:NAMED]:
        why = f"all {seen} images of it are classified as something else" if seen else ""
        yield f"{name} is {how}: {why or 'it has no images'}"
    if empty[NAMED:]:
        yield f"{len(empty) - NAMED} more classes are {how}"


def _counted(taken: Counter[int | None], left_out: Counter[int | None]) -> Iterator[str]:
    """On what all classes were learned, for the user."""
    if not (count := sum(taken.values())):
        return
    yield f"every class of the model is learned from the same {count} images"
    if taken[None]:
        yield f"{taken[None]} of them have no label of the model's; what they show is not known"
    if wrong := sum(left_out.values()):
        yield f"{wrong} images were left out: the model takes them for another class than their own"
