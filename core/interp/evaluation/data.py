"""The images of an evaluation: which are chosen, and their truth in the model's classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from interp.dataset import Dataset, Example, open_dataset
from interp.errors import InputError, blamed
from interp.evaluation.request import EvaluationRequest
from interp.registry import Registry
from interp.target import parse_target

COUNT = 50
"""Images that are generated where no limit is given."""


def open_evaluated(request: EvaluationRequest, registry: Registry) -> Dataset:
    """The folder, or the registered data set, that the request names."""
    names = {entry.name for entry in registry.entries("dataset")}
    if request.data in names and not Path(request.data).exists():
        with blamed(request.data):
            made: Dataset = registry.get("dataset", request.data)(request.limit or COUNT, 0)
        return made
    return open_dataset(request.data)


@dataclass(frozen=True, eq=False)
class ChosenImages:
    """`limit` images of a data set, spread over it, with labels among the model's classes.

    The choice is the same every time, and a smaller one is the beginning of a larger one.
    """

    dataset: Dataset
    limit: int | None
    classes: tuple[str, ...]
    """The model's."""

    @cached_property
    def order(self) -> list[int]:
        """Indices into the data set."""
        mixed = np.random.Generator(np.random.Philox(0)).permutation(len(self.dataset))
        return [int(each) for each in mixed[: self.limit]]

    @cached_property
    def labels(self) -> list[int | None]:
        """Each of the data set's classes among the model's; None where it has no such class."""
        if self.dataset.classes == self.classes:
            return list(range(len(self.classes)))
        return [self._find(name) for name in self.dataset.classes]

    def check(self) -> None:
        """Raise InputError unless a class of the data set is one of the model's."""
        if all(each is None for each in self.labels):
            first = ", ".join(self.dataset.classes[:3]) or "none"
            raise InputError(
                f"found classes {first}; the model's are {', '.join(self.classes[:3])}, ...; "
                "name them alike (--classes), or evaluate with --target predicted"
            )

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> Example:
        """The image; objects of classes that the model does not have are left out."""
        example = self.dataset[self.order[position]]
        objects = [replace(one, label=self._label(one.label)) for one in example.instances]
        return replace(
            example,
            label=None if example.label is None else self.labels[example.label],
            instances=tuple(one for one in objects if one.label >= 0),
        )

    def _label(self, index: int) -> int:
        found = self.labels[index]
        return -1 if found is None else found

    def _find(self, name: str) -> int | None:
        try:
            return parse_target(name, self.classes).index
        except InputError:
            return None
