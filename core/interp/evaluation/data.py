"""The images of an evaluation: a choice among a data set's, with labels of the model's classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from interp.class_match import ClassMatch, match_classes
from interp.dataset import Dataset, Example
from interp.engine.random import content_key
from interp.errors import InputError


def spread(count: int, limit: int | None) -> list[int]:
    """`limit` of `count` indices in a mixed order; None: all.

    The choice is the same every time, and a smaller one is the beginning of a larger one.
    """
    mixed = np.random.Generator(np.random.Philox(0)).permutation(count)
    return [int(each) for each in mixed[:limit]]


@dataclass(frozen=True, eq=False)
class Sample(Dataset):
    """`limit` images spread over a data set, in its order."""

    whole: Dataset
    limit: int

    @cached_property
    def indices(self) -> list[int]:
        """Indices into the whole data set."""
        return sorted(spread(len(self.whole), self.limit))

    @property
    def truths(self) -> frozenset[str] | None:
        return self.whole.truths

    @property
    def classes(self) -> tuple[str, ...]:
        return self.whole.classes

    @property
    def fingerprint(self) -> str:
        return content_key(self.whole.fingerprint, self.indices)

    @property
    def notes(self) -> tuple[str, ...]:
        return self.whole.notes

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Example:
        return self.whole[self.indices[index]]


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
        return spread(len(self.dataset), self.limit)

    @property
    def truths(self) -> frozenset[str] | None:
        """What may be known of an image as to the model's classes; None: only reading tells."""
        known = self.dataset.truths
        return known if known is None or any(e is not None for e in self.labels) else frozenset()

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
