"""Running a request on a folder of images, here or on workers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from interp.cluster.pool import Lost
from interp.dataset import Dataset, StreamedDataset, TolerantReader
from interp.errors import Cancelled, InputError, PluginError
from interp.explanation import Explanation
from interp.registry import Registry
from interp.request import Request
from interp.run_folder.entry import FolderEntry, ImageOutcome, PieceOutcome
from interp.run_folder.job import FolderJob, Layout, Output
from interp.run_folder.opening import open_result
from interp.run_folder.part_store import PARTS, PartEntries
from interp.session import Session
from interp.storage.folder import read_json, read_whole, remove_leftovers, write_json_whole

INDEX = "index.json"


@dataclass(frozen=True)
class FolderRun:
    """What the folder holds. `failed`: the images on which the method failed, with the reason.

    `unreadable`: the number of images that could not be read.
    """

    folder: Path
    request: Request
    entries: Sequence[FolderEntry]
    total: int
    failed: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    registry: Registry | None = None
    unreadable: int = 0

    @classmethod
    def open(cls, folder: Path, registry: Registry) -> FolderRun:
        """What run_folder wrote. Raises InputError for another folder."""
        if not (folder / INDEX).is_file():
            raise InputError(f"{folder}: found no {INDEX}; expected a folder of interp run --data")
        with read_whole(folder, "a run on a folder of images"):
            facts = read_json(folder / INDEX)
            request = Request.model_validate(read_json(folder / "request.json"))
            entries: Sequence[FolderEntry] = PartEntries.of(folder)
            if "images" in facts:
                entries = [FolderEntry.model_validate(each) for each in facts["images"]]
            failed, notes = facts["failed"], tuple(facts["notes"])
            lost = facts.get("unreadable", 0)
            return cls(folder, request, entries, facts["of"], failed, notes, registry, lost)

    @property
    def summary(self) -> str:
        """`28 of 30 images are explained, 1 cannot be read, 1 is still to do`."""
        lost = {"cannot be read": self.unreadable, "failed": len(self.failed)}
        left = self.total - len(self.entries) - sum(lost.values())
        counts = lost | {f"{'is' if left == 1 else 'are'} still to do": left}
        rest = "".join(f", {count} {what}" for what, count in counts.items() if count > 0)
        return f"{len(self.entries)} of {self.total} images are explained{rest}"

    def explanation(self, image: int | str) -> Explanation:
        """One image's explanation, by its place among the entries or by its name.

        Raises InputError for a name that no image has.
        """
        named = (each for each in self.entries if each.name == image)
        entry = next(named, None) if isinstance(image, str) else self.entries[image]
        if entry is None:
            raise InputError(f"{self.folder} holds no image called {image!r}")
        return open_result(self.folder / entry.folder, self.registry or Registry.load())[1]

    def facts(self) -> dict[str, Any]:
        """All of it, as JSON; of results in parts without the numbers of each image."""
        facts = {
            "method": self.request.method,
            "model": self.request.model,
            "whole": len(self.entries),
            "of": self.total,
            "failed": self.failed,
            "unreadable": self.unreadable,
            "notes": list(self.notes),
        }
        if isinstance(self.entries, PartEntries):
            return {**facts, "parts": len(self.entries.parts)}
        return {**facts, "images": [each.model_dump(mode="json") for each in self.entries]}


def run_folder(
    request: Request,
    out: str | Path,
    session: Session | None = None,
    *,
    limit: int | None = None,
    pictures: bool = True,
    layout: Layout | None = None,
) -> FolderRun:
    """Explain the images of `request.data`, one result each under `out`, and write index.json.

    A method that takes several images at once is given them in batches, which are the same whoever
    explains them. With `request.budget.shard` (i, n) only every n-th piece of work is done, an
    image or some batches; several shards may fill one folder, and each may share its pieces among
    the workers of `session.pool`, which see the same folders. A stopped run is resumed by the same
    request. Unreadable images and those on which the method fails are recorded. Without `pictures`
    no evidence is drawn. `layout` says whether each image's result is a bundle in a folder of its
    own, or one of many in a part, as results of 1,000 images and more are by default. Raises
    PluginError where the method fails on all.
    """
    part, parts = request.budget.shard or (0, 1)
    budget = request.budget.model_copy(update={"shard": None})
    request = request.model_copy(update={"budget": budget})  # the same for every shard
    output = Output(Path(out), pictures, layout, limit)
    job = FolderJob.open(request, output, (session or Session()).steady())
    again = job.begin()
    pieces = job.pieces()
    work = Work(job, TolerantReader(job.dataset))
    with job.alone() if parts == 1 else nullcontext():
        work.do(pieces[part::parts], again)
    entries = job.store.entries(work.known, job.session.registry, job.session.progress)
    unreadable = len(work.reader.unreadable)
    streamed = isinstance(job.dataset, StreamedDataset)
    there = len(entries) + len(work.failed) + unreadable
    total = there if streamed else max(there, sum(map(len, pieces)))  # a limit may be lower now
    notes = (*job.model.spec.notes, *work.reader.notes())
    registry = job.session.registry
    held = job.folder.folder, request, entries, total, work.failed, notes, registry, unreadable
    found = FolderRun(*held)
    write_json_whole(job.folder.folder / INDEX, found.facts())
    return found


@dataclass(eq=False)
class Work:
    """The images of a folder that are explained in one call, and what became of them."""

    job: FolderJob
    reader: TolerantReader
    done: int = 0
    outcomes: dict[int, ImageOutcome] = field(default_factory=dict)
    """By their numbers the images that tell something."""
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def known(self) -> dict[int, FolderEntry]:
        """The entries that were made here."""
        return {at: each.entry for at, each in self.outcomes.items() if each.entry is not None}

    def do(self, pieces: Sequence[range], again: Collection[int] = ()) -> None:
        """Do the pieces that are not whole yet, and those of images that are tried `again`."""
        job = self.job
        job.store.forget({at for piece in pieces for at in again if at in piece})
        missing = job.store.missing(pieces)
        streamed = isinstance(job.dataset, StreamedDataset)
        count = None if streamed else sum(map(len, missing))
        try:
            job.session.progress("images", 0, count)
            while missing:
                missing = self._pass(missing, count)
            for place in (job.folder.folder, job.folder.folder / PARTS):
                remove_leftovers(place)  # of workers that were killed, while others did their work
        except KeyboardInterrupt as error:
            raise Cancelled(job.folder.stopped(job.store.count())) from error
        self._tell(self.outcomes.values())
        if self.done and len(self.failed) == self.done:
            raise PluginError(f"every image failed; the first: {next(iter(self.failed.values()))}")
        if self.done and len(self.reader.unreadable) == self.done and not job.store.count():
            told = "; ".join(self.reader.notes())
            raise InputError(f"found no image that can be read; {told}")
        self._tell(each for each in job.store.told() if each.index not in self.outcomes)

    def _tell(self, outcomes: Iterable[ImageOutcome]) -> None:
        """Sort what became of images by what it was."""
        for each in sorted(outcomes, key=lambda outcome: outcome.index):
            self.reader.unreadable += [each.unreadable] if each.unreadable is not None else []
            self.reader.assume(each.name, each.notes)
            self.failed.update({each.name: each.failed} if each.failed is not None else {})

    def _pass(self, pieces: Sequence[range], count: int | None) -> list[range]:
        """Do the pieces once; smaller ones of those whose workers died of one of their images."""
        job, left = self.job, list[range]()
        sent = job.source if job.source.sent else None
        reopen = partial(_reopened, job.request, job.output, sent, job.session.reopen())
        for piece, found in job.session.pool.map(job.explain, pieces, reopen):
            if not isinstance(found, Lost):
                self.done += found.count
                self.outcomes.update({each.index: each for each in found.told})
            elif smaller := job.smaller(piece):
                left += smaller
            else:
                at, self.done = piece.start, self.done + 1
                self.outcomes[at] = ImageOutcome(at, f"image {at}", failed=found.reason)
            job.session.progress("images", self.done, count)
        return left


def _reopened(
    request: Request, output: Output, dataset: Dataset | None, session: Callable[[], Session]
) -> Callable[[range], PieceOutcome]:
    """The same job in another process, which fills the same folder."""
    job = FolderJob.open(request, output, session(), dataset)
    job.folder.join()
    return job.explain
