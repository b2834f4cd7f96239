"""Results of big folders: a part for some hundred images each, below parts/."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice, takewhile
from pathlib import Path
from typing import overload

import numpy as np

from interp.context import Progress
from interp.errors import InputError
from interp.explanation import Explanation
from interp.registry import Registry
from interp.request import Request
from interp.run_folder.entry import FolderEntry, ImageOutcome
from interp.run_folder.part_file import Part, PartWriter, new_part, parquet
from interp.run_folder.store import Store, Writer
from interp.storage.folder import MANIFEST, remove_folder
from interp.storage.resumable import ResumableFolder

PARTS = "parts"
NAME = re.compile(r"part-(\d+)-(\d+)")
"""Name of a part: its first image's number, and that after its last one's."""


@dataclass(frozen=True)
class PartStore(Store):
    """Results in parts, which appear whole or not at all; `pictures` keeps copies of images."""

    folder: ResumableFolder
    request: Request
    pictures: bool

    def __post_init__(self) -> None:
        parquet()

    def missing(self, pieces: Sequence[range]) -> list[range]:
        there = written_ranges(self.folder.folder)
        return [left for each in pieces for left in _left(each, there)]

    @contextmanager
    def writing(self, piece: range) -> Iterator[Writer]:
        place = part_folder(self.folder.folder, piece)
        if (place / MANIFEST).is_file():  # by a worker that died before it could say so
            yield WholePart()
            return
        try:
            with new_part(place, self.request, self.pictures) as part:
                yield OpenPart(part, self.folder)
        except InputError:
            if not (place / MANIFEST).is_file():  # else another process was faster
                raise

    def done(self) -> Collection[int]:
        parts = PartEntries.of(self.folder.folder).parts
        rows = (row for part in parts for row in part.rows(["index", "folder"]))
        return {row["index"] for row in rows if row["folder"] is not None}

    def forget(self, images: Collection[int]) -> None:
        """Remove the parts of these images, whose other images are then explained again, too."""
        for each in written_ranges(self.folder.folder):
            if any(at in each for at in images):
                remove_folder(part_folder(self.folder.folder, each))

    def count(self) -> int:
        return len(PartEntries.of(self.folder.folder))

    def entries(
        self, known: Mapping[int, FolderEntry], registry: Registry, progress: Progress
    ) -> PartEntries:
        return PartEntries.of(self.folder.folder)

    def told(self) -> list[ImageOutcome]:
        return [each for part in PartEntries.of(self.folder.folder).parts for each in part.told()]


def part_folder(folder: Path, images: range) -> Path:
    """Where the part of these images is."""
    return folder / PARTS / f"part-{images.start:09d}-{images.stop:09d}"


def written_ranges(folder: Path) -> list[range]:
    """The images of the parts that are there, in order."""
    found = [NAME.fullmatch(each.name) for each in (folder / PARTS).glob("part-*")]
    ranges = [range(int(each[1]), int(each[2])) for each in found if each is not None]
    return sorted(ranges, key=lambda each: each.start)


def _left(piece: range, there: Sequence[range]) -> Iterator[range]:
    """What is left to do of a piece where these images are there."""
    at = piece.start
    first = bisect_right(there, at, key=lambda each: each.stop)
    for each in takewhile(lambda each: each.start < piece.stop, islice(there, first, None)):
        if at < each.start:
            yield range(at, each.start)
        at = each.stop
    if at < piece.stop:
        yield range(at, piece.stop)


@dataclass(frozen=True)
class OpenPart(Writer):
    """A part that is being written."""

    part: PartWriter
    folder: ResumableFolder

    def has(self, index: int, name: str) -> bool:
        return False

    def write(
        self, index: int, name: str, found: Explanation, pictures: dict[str, np.ndarray]
    ) -> None:
        self.part.write(index, self.folder.piece(index, name).name, found)

    def fail(self, outcome: ImageOutcome) -> None:
        self.part.fail(outcome)


class WholePart(Writer):
    """A part that is there already."""

    def has(self, index: int, name: str) -> bool:
        return True

    def write(self, *given: object) -> None:
        return None


@dataclass(frozen=True, eq=False)
class PartEntries(Sequence[FolderEntry]):
    """The entries of parts, of which one part's are in memory at a time."""

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, folder: Path) -> PartEntries:
        """The entries of all parts below a folder."""
        return cls(tuple(Part(part_folder(folder, each)) for each in written_ranges(folder)))

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(each.count for each in self.parts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> FolderEntry: ...
    @overload
    def __getitem__(self, index: slice) -> list[FolderEntry]: ...
    def __getitem__(self, index: int | slice) -> FolderEntry | list[FolderEntry]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        part = bisect_right(self._ends, at)
        return self.parts[part].entries()[at - (self._ends[part - 1] if part else 0)]

    def __iter__(self) -> Iterator[FolderEntry]:
        for each in self.parts:
            yield from each.entries()
