"""Going through a data set past images that cannot be read: they are counted and named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from interp.dataset import Dataset, Example
from interp.errors import InputError

NAMED = 3
"""Unreadable images that are named; the others are counted."""


@dataclass
class Reading:
    """One way through a data set, and what could not be read on it."""

    dataset: Dataset
    unreadable: list[str] = field(default_factory=list)

    def examples(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Example | None]]:
        """(index, example) in this order, by default the data's; None for an unreadable one."""
        for index in range(len(self.dataset)) if order is None else order:
            try:
                yield index, self.dataset[index]
            except InputError as error:
                self.unreadable.append(str(error))
                yield index, None

    def notes(self) -> list[str]:
        """What was left out, for people; nothing where all could be read."""
        if not self.unreadable:
            return []
        named = "; ".join(self.unreadable[:NAMED])
        return [f"{len(self.unreadable)} unreadable images were left out ({named})"]
