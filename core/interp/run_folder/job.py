"""A request on a folder of images at work: one piece after another, read, explained, written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import repeat, takewhile
from pathlib import Path
from typing import Literal, TypeVar

from interp.cluster.ahead import ahead
from interp.context import no_progress
from interp.dataset import Dataset, Example, StreamedDataset, for_channels
from interp.errors import InputError, InterpError, OutputError, PluginError
from interp.explanation import Explanation
from interp.method import Style
from interp.model import ModelAdapter
from interp.opening.named import open_method, require
from interp.opening.reader import read_data
from interp.request import Request
from interp.result.draw import draw
from interp.run_batch import images_at_once, run_batch
from interp.run_folder.entry import ImageOutcome, PieceOutcome
from interp.run_folder.part_store import PartStore
from interp.run_folder.store import BundleStore, Store, Writer
from interp.session import Session
from interp.storage.folder import read_json
from interp.storage.folder_lock import lock
from interp.storage.resumable import BEGUN, ResumableFolder
from interp.target import parse_target

BATCHES, PART_BATCHES = 2, 8
"""Batches in a piece of work, by how results are kept: in folders and in parts."""
PIXELS = 8_000_000
"""Pixels from which on no further image joins a batch: three batches are in memory at a time."""
MANY = 1000
"""Images from which on results are kept in parts, where nothing else is asked for."""
Layout = Literal["folders", "parts"]
"""How results are kept: a folder for each image, or a part for some hundred."""

Value = TypeVar("Value")
Batch = Sequence[tuple[ImageOutcome, Value | None]]
"""Images of a batch, each with what is known of it so far: itself, or its explanation."""


@dataclass(frozen=True)
class Output:
    """What of a run on a folder is written, and how."""

    folder: Path
    pictures: bool = True
    layout: Layout | None = None
    """None: as the folder was begun, else by the number of images."""
    limit: int | None = None
    """How many images there may be."""


@dataclass(frozen=True, eq=False)
class FolderJob:
    """A request on a folder of images whose model and data are open; the model is the session's."""

    request: Request
    session: Session
    model: ModelAdapter
    source: Dataset
    """The data set as it is opened."""
    dataset: Dataset
    """The same as the model sees it."""
    output: Output
    folder: ResumableFolder
    batch: int
    """How many images are explained together."""

    @classmethod
    def open(
        cls, request: Request, output: Output, session: Session, dataset: Dataset | None = None
    ) -> FolderJob:
        """Open and check what the request names, before any work.

        `dataset` is that of the request, where it is open already.
        """
        if request.data is None:
            raise InputError("found no path of images; name one with --data")
        method = open_method(session.registry, request.method, request.params)
        dataset = source = dataset or read_data(session.registry, request.data)
        model = session.open_model(request.model, request.options)
        require(request.method, method, model)
        for text in () if model.focuses else request.targets:
            parse_target(text, model.spec.classes)
        content = {"images": dataset.fingerprint, "model": model.spec.fingerprint}
        dataset = for_channels(dataset, model.spec.input.channels)
        output = replace(output, layout=output.layout or _layout(output, dataset))
        if output.layout == "folders" and isinstance(dataset, StreamedDataset):
            raise InputError(
                f"{request.data} is read as a stream, whose results are kept in parts; leave out "
                "--layout folders"
            )
        if output.layout == "parts":
            content["layout"] = "parts"
        images = dataset.image_fingerprints
        folder = ResumableFolder.of(output.folder, request, content, images)
        session = replace(session, model=model)
        batch = images_at_once(request, session)
        return cls(request, session, model, source, dataset, output, folder, batch)

    @cached_property
    def store(self) -> Store:
        """Where the results are kept."""
        if self.output.layout == "folders":
            return BundleStore(self.folder, self.request)
        return PartStore(self.folder, self.request, self.output.pictures)

    def begin(self) -> set[int]:
        """Make the output folder, or go on with it; the images that have to be tried again.

        They changed since, or were written down as unreadable and can be read by now.
        """
        changed = self.folder.begin(self.store.done)
        if isinstance(self.dataset, StreamedDataset):
            return changed
        lost = (each.index for each in self.store.told() if each.unreadable is not None)
        return changed | {at for at in lost if not isinstance(self._image(at), InputError)}

    def alone(self) -> AbstractContextManager[None]:
        """Keep other processes of the same request out, which would make the same parts.

        Raises InputError where one is at work. Those that fill folders share the images.
        """
        if self.output.layout == "folders":
            return nullcontext()
        return lock(self.folder.folder, self.folder.folder)

    def pieces(self) -> Sequence[range]:
        """The images in pieces of work: single ones, some batches, or a portion of a stream."""
        if isinstance(self.dataset, StreamedDataset):
            return self.dataset.portions(self.output.limit)
        batches = PART_BATCHES if self.output.layout == "parts" else BATCHES
        size = 1 if self.batch == 1 and self.output.layout == "folders" else batches * self.batch
        total = _count(self.output, self.dataset)
        return [range(start, min(start + size, total)) for start in range(0, total, size)]

    def smaller(self, piece: range) -> list[range]:
        """A piece in smaller ones, in which images are explained with the same others if they can.

        None of what cannot be parted: a single image, or a portion of a stream.
        """
        if len(piece) == 1 or isinstance(self.dataset, StreamedDataset):
            return []
        size = self.batch if len(piece) > self.batch else 1
        return [piece[at : at + size] for at in range(0, len(piece), size)]

    def explain(self, piece: range) -> PieceOutcome:
        """Write the results of a piece's images that are not there.

        The next batch is read, and the last one drawn and written, while one is explained.
        """
        outcomes: list[ImageOutcome] = []
        with self.store.writing(piece) as writer:
            read = takewhile(len, ahead(self._read, repeat(self._images(piece))))
            explained = map(partial(self._explain, writer), read)
            for written in ahead(partial(self._write, writer), explained):
                for outcome, found in written:
                    if outcome.entry is not None and found is not None:
                        self.session.saved(self.folder.folder / outcome.entry.folder, found)
                    outcomes.append(outcome)
        return PieceOutcome(len(outcomes), tuple(each for each in outcomes if each.tells))

    def _images(self, piece: range) -> Iterator[tuple[int, Example | InputError]]:
        """The images of a piece by their numbers, read as they are taken."""
        if isinstance(self.dataset, StreamedDataset):
            return self.dataset.read(piece)
        return ((index, self._image(index)) for index in piece)

    def _read(self, images: Iterator[tuple[int, Example | InputError]]) -> Batch[Example]:
        """The next images that are explained together; None for one that cannot be read.

        They end where a batch does, or with the image by which they have PIXELS pixels.
        """
        batch: list[tuple[ImageOutcome, Example | None]] = []
        pixels = 0
        for index, found in images:
            batch.append(_read_outcome(index, found))
            pixels += 0 if isinstance(found, InputError) else math.prod(found.image.shape[:2])
            if pixels >= PIXELS or (index + 1) % self.batch == 0:
                break
        return batch

    def _image(self, index: int) -> Example | InputError:
        try:
            return self.dataset[index]
        except InputError as error:
            return error

    def _explain(self, writer: Writer, batch: Batch[Example]) -> Batch[Explanation]:
        """The explanations of a batch, of all its images unless each one's is there."""
        examples = [example for _, example in batch if example is not None]
        there = [writer.has(each.index, each.name) for each, example in batch if example]
        if all(there):
            return [(outcome, None) for outcome, _ in batch]
        # scores are kept for one batch; what a batch tells is not how far the folder is
        session = replace(self.session, memory=self.session.memory.alone())
        if self.batch > 1:
            session = replace(session, progress=no_progress)
        found = iter(run_batch(self.request, session, examples))
        return [_explained(each, next(found) if example else None) for each, example in batch]

    def _write(self, writer: Writer, batch: Batch[Explanation]) -> Batch[Explanation]:
        """Draw and write the explanations that are not there."""
        return [(self._written(writer, *each), each[1]) for each in batch]

    def _written(
        self, writer: Writer, outcome: ImageOutcome, found: Explanation | None
    ) -> ImageOutcome:
        index, name = outcome.index, outcome.name
        if found is None:
            writer.fail(outcome)
        if found is None or writer.has(index, name):
            return outcome
        drawing = self.output.pictures and self.output.layout == "folders"
        try:
            drawn = draw(self.session.registry, found, Style()) if drawing else {}
            return replace(outcome, entry=writer.write(index, name, found, drawn))
        except OutputError:
            raise
        except (PluginError, InputError) as error:  # such as what its renderer cannot draw
            failed = replace(outcome, failed=str(error))
            writer.fail(failed)
            return failed


def _explained(
    outcome: ImageOutcome, found: Explanation | InterpError | None
) -> tuple[ImageOutcome, Explanation | None]:
    if isinstance(found, InterpError):
        return replace(outcome, failed=str(found)), None
    return outcome, found


def _read_outcome(index: int, found: Example | InputError) -> tuple[ImageOutcome, Example | None]:
    if isinstance(found, InputError):
        return ImageOutcome(index, unreadable=str(found)), None
    return ImageOutcome(index, found.name, found.notes), found


def _count(output: Output, dataset: Dataset) -> int:
    count = len(dataset)
    return count if output.limit is None else min(output.limit, count)


def _layout(output: Output, dataset: Dataset) -> Layout:
    """As the folder was begun, else by the number of images."""
    begun = output.folder / BEGUN
    if begun.is_file():
        return "parts" if read_json(begun).get("layout") == "parts" else "folders"
    if isinstance(dataset, StreamedDataset) or _count(output, dataset) >= MANY:
        return "parts"
    return "folders"
