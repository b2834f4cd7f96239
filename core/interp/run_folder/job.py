"""A request on a folder of images at work: one piece after another, read, explained, written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from interp.cluster.ahead import ahead
from interp.context import no_progress
from interp.dataset import Dataset, Example, for_channels
from interp.errors import InputError, InterpError, OutputError, PluginError
from interp.explanation import Explanation
from interp.method import Style
from interp.model import ModelAdapter
from interp.opening.named import open_method, require
from interp.opening.reader import read_data
from interp.request import Request
from interp.result.draw import draw
from interp.run_batch import images_at_once, run_batch
from interp.run_folder.entry import ImageOutcome
from interp.run_folder.store import BundleStore, Store, Writer
from interp.session import Session
from interp.storage.resumable import ResumableFolder
from interp.target import parse_target

BATCHES = 4
"""Batches in a piece of work."""

Value = TypeVar("Value")
Batch = Sequence[tuple[ImageOutcome, Value | None]]
"""Images of a batch, each with what is known of it so far: itself, or its explanation."""


@dataclass(frozen=True, eq=False)
class FolderJob:
    """A request on a folder of images whose model and data are open; the model is the session's."""

    request: Request
    session: Session
    model: ModelAdapter
    dataset: Dataset
    folder: ResumableFolder
    store: Store
    batch: int
    """How many images are explained together."""
    pictures: bool

    @classmethod
    def open(cls, request: Request, out: Path, session: Session, pictures: bool) -> FolderJob:
        """Open and check what the request names, before any work."""
        if request.data is None:
            raise InputError("found no path of images; name one with --data")
        method = open_method(session.registry, request.method, request.params)
        dataset = read_data(session.registry, request.data)
        model = session.open_model(request.model, request.options)
        require(request.method, method, model)
        for text in () if model.focuses else request.targets:
            parse_target(text, model.spec.classes)
        content = {"images": dataset.fingerprint, "model": model.spec.fingerprint}
        dataset = for_channels(dataset, model.spec.input.channels)
        folder = ResumableFolder.of(out, request, content)
        session = replace(session, model=model)
        batch = images_at_once(request, session)
        store = BundleStore(folder, request)
        return cls(request, session, model, dataset, folder, store, batch, pictures)

    def pieces(self, total: int) -> list[range]:
        """The first `total` images in pieces of work: single ones, or some batches each."""
        size = 1 if self.batch == 1 else BATCHES * self.batch
        return [range(start, min(start + size, total)) for start in range(0, total, size)]

    def parts(self, piece: range) -> list[range]:
        """A piece in smaller ones, which explain each image as the piece does where they can."""
        size = self.batch if len(piece) > self.batch else 1
        return [piece[at : at + size] for at in range(0, len(piece), size)]

    def explain(self, piece: range) -> list[ImageOutcome]:
        """Write the results of a piece's images that are not there.

        The next batch is read, and the last one drawn and written, while one is explained.
        """
        batches = [piece[at : at + self.batch] for at in range(0, len(piece), self.batch)]
        outcomes: list[ImageOutcome] = []
        with self.store.writing(piece) as writer:
            explained = map(partial(self._explain, writer), ahead(self._read, batches))
            for written in ahead(partial(self._write, writer), explained):
                for outcome, found in written:
                    if outcome.entry is not None and found is not None:
                        self.session.saved(self.folder.folder / outcome.entry.folder, found)
                    outcomes.append(outcome)
        return outcomes

    def _read(self, batch: range) -> Batch[Example]:
        """The images of a batch; None for one that cannot be read."""
        return [self._read_image(index) for index in batch]

    def _read_image(self, index: int) -> tuple[ImageOutcome, Example | None]:
        try:
            example = self.dataset[index]
        except InputError as error:
            return ImageOutcome(index, unreadable=str(error)), None
        return ImageOutcome(index, example.name, example.notes), example

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
        if found is None or writer.has(index, name):
            return outcome
        try:
            drawn = draw(self.session.registry, found, Style()) if self.pictures else {}
            return replace(outcome, entry=writer.write(index, name, found, drawn))
        except OutputError:
            raise
        except (PluginError, InputError) as error:  # such as what its renderer cannot draw
            return replace(outcome, failed=str(error))


def _explained(
    outcome: ImageOutcome, found: Explanation | InterpError | None
) -> tuple[ImageOutcome, Explanation | None]:
    if isinstance(found, InterpError):
        return replace(outcome, failed=str(found)), None
    return outcome, found
