"""Where the results of a folder of images are kept: one bundle for each image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from interp.context import Progress
from interp.errors import InputError
from interp.explanation import Explanation
from interp.registry import Registry
from interp.request import Request
from interp.result.bundle import open_bundle, request_behind, save_bundle
from interp.run_folder.entry import FolderEntry, ImageOutcome
from interp.storage.folder import MANIFEST
from interp.storage.resumable import ResumableFolder


class Writer(ABC):
    """Writes the results of one piece of work."""

    @abstractmethod
    def has(self, index: int, name: str) -> bool:
        """Whether the result of an image is there."""

    @abstractmethod
    def write(
        self, index: int, name: str, found: Explanation, pictures: dict[str, np.ndarray]
    ) -> FolderEntry | None:
        """Write an image's result; its numbers, unless it was there or they are kept beside it."""

    def fail(self, outcome: ImageOutcome) -> None:  # noqa: B027 - most keep no record of it
        """Write down that an image has no result, unless it is tried again by the next command."""


class Store(ABC):
    """The results of a folder of images on disk, which several processes may fill."""

    @abstractmethod
    def missing(self, pieces: Sequence[range]) -> list[range]:
        """The pieces, or smaller ones, of which some result may not be there yet."""

    @abstractmethod
    def writing(self, piece: range) -> AbstractContextManager[Writer]:
        """The writer of a piece, whose results are there at the end of the block at the latest."""

    @abstractmethod
    def done(self) -> Collection[int]:
        """The numbers of the images whose results are there."""

    def forget(self, images: Collection[int]) -> None:  # noqa: B027 - most keep no record of them
        """Forget that these images have no result, so that they are tried again."""

    @abstractmethod
    def count(self) -> int:
        """How many results are there."""

    @abstractmethod
    def entries(
        self, known: Mapping[int, FolderEntry], registry: Registry, progress: Progress
    ) -> Sequence[FolderEntry]:
        """The numbers of all results that are there, in order; `known` are read already."""

    def told(self) -> list[ImageOutcome]:
        """The images that are written down as having no result."""
        return []


@dataclass(frozen=True)
class BundleStore(Store, Writer):
    """A bundle for each image, in a folder of its own."""

    folder: ResumableFolder
    request: Request

    def missing(self, pieces: Sequence[range]) -> list[range]:
        there = self.folder.found(MANIFEST).keys()
        return [each for each in pieces if not all(index in there for index in each)]

    @contextmanager
    def writing(self, piece: range) -> Iterator[Writer]:
        yield self

    def has(self, index: int, name: str) -> bool:
        return (self._place(index, name) / MANIFEST).is_file()

    def write(
        self, index: int, name: str, found: Explanation, pictures: dict[str, np.ndarray]
    ) -> FolderEntry | None:
        place = self._place(index, name)
        asked = request_behind(found, self.request.of_image(name))
        try:
            save_bundle(place, asked, found, pictures)
        except InputError:
            if self.has(index, name):  # another process was faster
                return None
            raise
        return FolderEntry.of(place.name, found)

    def _place(self, index: int, name: str) -> Path:
        return self.folder.piece(index, name)

    def done(self) -> Collection[int]:
        return self.folder.found(MANIFEST).keys()

    def count(self) -> int:
        return len(self.folder.found(MANIFEST))

    def entries(
        self, known: Mapping[int, FolderEntry], registry: Registry, progress: Progress
    ) -> Sequence[FolderEntry]:
        there = self.folder.found(MANIFEST)
        found = []
        for turn, index in enumerate(sorted(there)):
            progress("index", turn, len(there))
            place = there[index].parent
            entry = known.get(index)
            found.append(entry or FolderEntry.of(place.name, open_bundle(place, registry)[1]))
        return found
