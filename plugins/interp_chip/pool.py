"""The images that CHIP learns from: chosen, checked, and put in an order fair to all classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.dataset import TolerantReader
from interp.errors import InputError
from interp.target import parse_target
from interp_chip.moments import FOLDS

if TYPE_CHECKING:
    from torch import Tensor

    from interp.context import Context
    from interp.dataset import Dataset, Example
    from interp.model import ModelAdapter
    from interp_chip.params import ChipParams

BATCH = 16


@dataclass(frozen=True, eq=False)
class Member:
    """One image of the pool; `row` is the row of W that it counts for, -1: all."""

    name: str
    index: int
    row: int
    group: int


@dataclass(frozen=True, eq=False)
class Pool:
    """What is learned from: members by turns of class, and the classes that are the rows of W."""

    images: Sequence[np.ndarray] | Dataset
    members: tuple[Member, ...]
    classes: tuple[int, ...]
    notes: tuple[str, ...] = ()

    def image(self, member: Member) -> np.ndarray:
        """(H, W, 3) uint8."""
        found = self.images[member.index]
        return found if isinstance(found, np.ndarray) else found.image


def given(images: Sequence[np.ndarray], classes: Sequence[int]) -> Pool:
    """Images without labels: each counts for every class."""
    members = [Member(f"given {at}", at, -1, at % FOLDS) for at in range(len(images))]
    return Pool(images, tuple(members), tuple(classes))


def choose(model: ModelAdapter, dataset: Dataset, params: ChipParams, context: Context) -> Pool:
    """So many images of each class, taken in an order that the seed decides.

    Unreadable ones are left out, counted and named. InputError where nothing is left.
    """
    labels = _labels(model, dataset)
    search = _Search(model, dataset, labels, params, context)
    found = list(search.members())
    if not found:
        raise InputError(
            f"none of {len(dataset)} images can be learned from: {'; '.join(search.told())}"
        )
    learned = sorted({labels[label] for label, _, _ in found})
    turn = Counter[int]()
    members: list[tuple[int, Member]] = []
    for label, index, name in found:
        place, turn[label] = turn[label], turn[label] + 1
        row = learned.index(labels[label]) if params.image_weight == "label" else -1
        members.append((place, Member(name, index, row, place % FOLDS)))
    members.sort(key=lambda each: each[0])  # by turns, so that an early end is fair to all
    return Pool(
        dataset, tuple(member for _, member in members), tuple(learned), tuple(search.told())
    )


def _labels(model: ModelAdapter, dataset: Dataset) -> list[int]:
    """The model's class of each of the data's classes."""
    found = []
    for name in dataset.classes:
        try:
            found.append(parse_target(name, model.spec.classes).index)
        except InputError as error:
            raise InputError(
                f"the data's class {name!r} is none of {model.spec.name}'s: {error}; name the "
                "data's classes as the model does, or by their numbers"
            ) from error
    return found


class _Search:
    """Goes through a data set until every class has its images."""

    def __init__(
        self,
        model: ModelAdapter,
        dataset: Dataset,
        labels: list[int],
        params: ChipParams,
        context: Context,
    ) -> None:
        self.model, self.dataset, self.labels = model, dataset, labels
        self.params, self.context = params, context
        self.taken: Counter[int] = Counter()
        self.wrong: Counter[int] = Counter()
        self.reading = TolerantReader(dataset)
        self.unlabelled = 0

    def members(self) -> Iterator[tuple[int, int, str]]:
        """(label, index, name) of each image that is taken."""
        batch: list[tuple[int, int, str, Tensor]] = []
        order = np.random.Generator(np.random.Philox(self.context.seed)).permutation(
            len(self.dataset)
        )
        for done, (index, example) in enumerate(self.reading.examples(order.tolist()), 1):
            self.context.out_of_time()
            self.context.progress("choosing images", done, len(order))
            if example is not None:
                self._consider(index, example, batch)
            if len(batch) == BATCH or done == len(order):
                yield from self._taken(batch)
                batch = []
            if self._full():
                return

    def told(self) -> list[str]:
        """What was left out, for people."""
        notes = self.reading.notes()
        if self.unlabelled:
            notes.append(f"{self.unlabelled} images without a label were left out")
        for label, name in enumerate(self.dataset.classes):
            if not self.taken[label]:
                seen = self.wrong[label]
                why = f"all {seen} images of it are classified as something else" if seen else ""
                notes.append(f"{name} is not learned: {why or 'it has no images'}")
        return notes

    def _consider(
        self, index: int, example: Example, batch: list[tuple[int, int, str, Tensor]]
    ) -> None:
        if example.label is None:
            self.unlabelled += 1
        elif not self._enough(example.label):
            batch.append((example.label, index, example.name, self.model.prepare(example.image)[0]))

    def _taken(self, batch: list[tuple[int, int, str, Tensor]]) -> Iterator[tuple[int, int, str]]:
        import torch

        if not batch:
            return
        top = self.model.predict(torch.stack([each for *_, each in batch])).argmax(1).tolist()
        for (label, index, name, _), best in zip(batch, top, strict=True):
            if self.params.correct and best != self.labels[label]:
                self.wrong[label] += 1
            elif not self._enough(label):
                self.taken[label] += 1
                yield label, index, f"{index}: {name}"

    def _enough(self, label: int) -> bool:
        return self.params.images is not None and self.taken[label] >= self.params.images

    def _full(self) -> bool:
        return all(self._enough(label) for label in range(len(self.labels)))
