"""Reading a data set of which some images cannot be read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from interp.dataset.example import Dataset, Example
from interp.errors import InputError

NAMED = 3
"""How many unreadable images a note names; the others are counted."""


@dataclass
class TolerantReader:
    """Reads a data set in any order, and notes the images that cannot be read.

    `assumed`: by note on how an image was read, the names of the images, each once.
    """

    dataset: Dataset
    unreadable: list[str] = field(default_factory=list)
    assumed: dict[str, dict[str, None]] = field(default_factory=dict)

    def examples(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Example | None]]:
        """(index, example) in this order, by default the data set's; None for an unreadable one."""
        for index in range(len(self.dataset)) if order is None else order:
            try:
                example = self.dataset[index]
            except InputError as error:
                self.unreadable.append(str(error))
                yield index, None
            else:
                self.assume(example.name, example.notes)
                yield index, example

    def assume(self, name: str, notes: Iterable[str]) -> None:
        """Record the notes on how an image was read, each once."""
        for note in notes:
            self.assumed.setdefault(note, {})[name] = None

    def notes(self) -> list[str]:
        """What was left out, and what was assumed; nothing where all could be read as they are."""
        named = "; ".join(self.unreadable[:NAMED])
        count = len(self.unreadable)
        found = [f"{count} unreadable image{'s were' if count > 1 else ' was'} left out ({named})"]
        left_out = found if self.unreadable else ()
        return [*self.dataset.notes, *left_out, *reading_notes(self.assumed)]


def reading_notes(assumed: Mapping[str, Collection[str]]) -> list[str]:
    """Notes on how images were read, each with the images' names; the first few of many."""
    found = []
    for note, names in list(assumed.items())[:NAMED]:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        found.append(f"{', '.join(islice(names, NAMED))}{more}: {note}")
    left = {name for names in list(assumed.values())[NAMED:] for name in names}
    return [*found, f"{len(left)} images have further notes of this kind"] if left else found
