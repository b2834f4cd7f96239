"""The images of an evaluation: a choice among a data set's, with labels of the model's classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from interp.class_match import ClassMatch, match_classes
from interp.dataset import Dataset, Example
from interp.errors import InputError


@dataclass(frozen=True, eq=False)
class ChosenImages:
    """`limit` images spread over a data set, with labels among the model's `classes`.

    The choice is the same every time, and a smaller one is the beginning of a larger one.
    """

    dataset: Dataset
    limit: int | None
    classes: tuple[str, ...]

    @cached_property
    def order(self) -> list[int]:
        """Indices into the data set."""
        mixed = np.random.Generator(np.random.Philox(0)).permutation(len(self.dataset))
        return [int(each) for each in mixed[: self.limit]]

    @property
    def labels(self) -> list[int | None]:
        """The model's index of each class of the data set; None where it has no such class."""
        return list(self._match.labels)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, and what was assumed about the classes, one sentence each."""
        return (*self.dataset.notes, *self._match.notes)

    @cached_property
    def _match(self) -> ClassMatch:
        return match_classes(self.dataset.classes, self.classes)

    def check(self) -> None:
        """Raise InputError unless a class of the data set is one of the model's."""
        if all(each is None for each in self.labels):
            told = "; ".join(self._match.notes or self.dataset.notes)
            why = told or "found no classes in the data; make a folder of each"
            raise InputError(f"{why}, or evaluate with --target predicted")

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> Example:
        """The image; objects of classes that the model does not have are left out."""
        example = self.dataset[self.order[position]]
        objects = [(each, self.labels[each.label]) for each in example.instances]
        return replace(
            example,
            label=None if example.label is None else self.labels[example.label],
            instances=tuple(
                replace(each, label=label) for each, label in objects if label is not None
            ),
        )
