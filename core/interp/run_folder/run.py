"""Running a request on a folder of images, here or on workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from interp.cluster.pool import Lost
from interp.dataset import TolerantReader
from interp.errors import Cancelled, InputError, PluginError
from interp.request import Request
from interp.run_folder.entry import FolderEntry, ImageOutcome
from interp.run_folder.job import FolderJob
from interp.session import Session
from interp.storage.folder import write_json_whole

INDEX = "index.json"


@dataclass(frozen=True)
class FolderRun:
    """What the folder holds. `failed`: the images on which the method failed, with the reason."""

    folder: Path
    request: Request
    entries: Sequence[FolderEntry]
    total: int
    failed: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "method": self.request.method,
            "model": self.request.model,
            "whole": len(self.entries),
            "of": self.total,
            "failed": self.failed,
            "notes": list(self.notes),
            "images": [each.model_dump(mode="json") for each in self.entries],
        }


def run_folder(
    request: Request,
    out: str | Path,
    session: Session | None = None,
    *,
    limit: int | None = None,
    pictures: bool = True,
) -> FolderRun:
    """Explain the images of `request.data`, one bundle each under `out`, and write index.json.

    A method that takes several images at once is given them in batches, which are the same whoever
    explains them. With `request.budget.shard` (i, n) only every n-th piece of work is done, an
    image or some batches; several shards may fill one folder, and each may share its pieces among
    the workers of `session.pool`, which see the same folders. A stopped run is resumed by the same
    request. Unreadable images and those on which the method fails are recorded. Without `pictures`
    no evidence is drawn. Raises PluginError where the method fails on all.
    """
    part, parts = request.budget.shard or (0, 1)
    budget = request.budget.model_copy(update={"shard": None})
    request = request.model_copy(update={"budget": budget})  # the same for every shard
    job = FolderJob.open(request, Path(out), (session or Session()).steady(), pictures)
    job.folder.begin()
    count = len(job.dataset)
    total = count if limit is None else min(limit, count)
    work = Work(job, TolerantReader(job.dataset))
    work.do(job.pieces(total)[part::parts])
    known = {each.index: each.entry for each in work.outcomes.values() if each.entry is not None}
    entries = job.store.entries(known, job.session.registry, job.session.progress)
    notes = (*job.model.spec.notes, *work.reader.notes())
    found = FolderRun(job.folder.folder, request, entries, total, work.failed, notes)
    write_json_whole(job.folder.folder / INDEX, found.facts())
    return found


@dataclass(frozen=True, eq=False)
class Work:
    """The images of a folder that are explained in one call, and what became of them."""

    job: FolderJob
    reader: TolerantReader
    outcomes: dict[int, ImageOutcome] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def do(self, pieces: Sequence[range]) -> None:
        """Do the pieces that are not whole yet."""
        job, outcomes = self.job, self.outcomes
        missing = job.store.missing(pieces)
        count = sum(map(len, missing))
        try:
            job.session.progress("images", 0, count)
            while missing:
                missing = self._pass(missing, count)
        except KeyboardInterrupt as error:
            raise Cancelled(job.folder.stopped(job.store.count())) from error
        for _, each in sorted(outcomes.items()):
            self.reader.unreadable += [each.unreadable] if each.unreadable is not None else []
            self.reader.assume(each.name, each.notes)
            self.failed.update({each.name: each.failed} if each.failed is not None else {})
        if count and len(self.failed) == count:
            raise PluginError(f"every image failed; the first: {next(iter(self.failed.values()))}")
        if count and len(self.reader.unreadable) == count and not job.store.count():
            told = "; ".join(self.reader.notes())
            raise InputError(f"found no image that can be read; {told}")

    def _pass(self, pieces: Sequence[range], count: int) -> list[range]:
        """Do the pieces once; smaller ones of those whose workers died of one of their images."""
        job, smaller = self.job, list[range]()
        reopen = partial(
            _reopened, job.request, job.folder.folder, job.pictures, job.session.reopen()
        )
        for piece, found in job.session.pool.map(job.explain, pieces, reopen):
            if not isinstance(found, Lost):
                self.outcomes.update({each.index: each for each in found})
            elif len(piece) > 1:
                smaller += job.parts(piece)
            else:
                at = piece.start
                self.outcomes[at] = ImageOutcome(at, f"image {at}", failed=found.reason)
            job.session.progress("images", len(self.outcomes), count)
        return smaller


def _reopened(
    request: Request, out: Path, pictures: bool, session: Callable[[], Session]
) -> Callable[[range], list[ImageOutcome]]:
    """The same job in another process, which fills the same folder."""
    job = FolderJob.open(request, out, session(), pictures)
    job.folder.join()
    return job.explain
