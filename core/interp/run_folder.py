"""One method on a folder of images: a bundle for each, an index, and nothing done twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from interp.dataset import Example, TolerantReader, open_dataset
from interp.errors import Cancelled, InputError, PluginError
from interp.explanation import Prediction
from interp.memory import Memory
from interp.opening.named import open_method, require
from interp.request import Request
from interp.result.bundle import open_bundle
from interp.result.draw import full_colour, shown
from interp.run import run
from interp.session import Session
from interp.spec import Plain
from interp.storage.folder import MANIFEST, write_json_whole
from interp.storage.resumable import ResumableFolder
from interp.target import parse_target

INDEX = "index.json"


class FolderEntry(Plain):
    """An image's bundle in numbers."""

    name: str
    folder: str
    prediction: Prediction
    targets: tuple[str, ...]
    samples: int
    seconds: float
    full: float
    r2: dict[str, float | None]


@dataclass(frozen=True)
class FolderRun:
    """What is in the folder now. `failed`: images on which the method failed, and why."""

    folder: Path
    request: Request
    entries: tuple[FolderEntry, ...]
    total: int
    failed: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """All of it, fit for JSON."""
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
    request: Request, out: Path, session: Session | None = None, *, limit: int | None = None
) -> FolderRun:
    """Explain the images of `request.data`, one bundle each under `out`, and index.json.

    With `request.budget.shard` (i, n) only every n-th; shards may fill one folder. The same
    request goes on where it was stopped. Unreadable images are noted, and so is a method's failure
    on one; PluginError where it failed on all.
    """
    if request.data is None:
        raise InputError("found no folder of images; name one with --data")
    session = session or Session()
    method = open_method(session.registry, request.method, request.params)
    dataset = open_dataset(request.data)
    opened = session.open_model(request.model, request.options)
    require(request.method, method, opened)
    for text in request.targets:
        parse_target(text, opened.spec.classes)
    part, parts = request.budget.shard or (0, 1)
    alike = request.model_copy(update={"budget": request.budget.model_copy(update={"shard": None})})
    content = {"images": dataset.fingerprint, "model": opened.spec.fingerprint}
    folder = ResumableFolder.of(out, alike, content)
    folder.begin()
    total = len(dataset) if limit is None else min(limit, len(dataset))
    job = _Job(alike, replace(session, model=opened), folder, TolerantReader(dataset))
    job.work(range(part, total, parts))
    return job.index(total)


@dataclass(frozen=True, eq=False)
class _Job:
    """A folder run at work."""

    request: Request
    session: Session
    folder: ResumableFolder
    reading: TolerantReader
    failed: dict[str, str] = field(default_factory=dict)

    def work(self, indices: range) -> None:
        """Explain the images that have no bundle yet."""
        done = self.folder.found(MANIFEST)
        todo = [index for index in indices if index not in done]
        try:
            for turn, (index, example) in enumerate(self.reading.examples(todo)):
                self.session.progress("images", turn, len(todo))
                if example is not None:
                    self._one(index, example)
        except KeyboardInterrupt as error:
            count = len(self.folder.found(MANIFEST))
            raise Cancelled(self.folder.stopped(count)) from error
        if len(self.failed) == len(todo) > 0:
            raise PluginError(f"every image failed; the first: {next(iter(self.failed.values()))}")

    def _one(self, index: int, example: Example) -> None:
        request = self.request.model_copy(update={"images": (example.name,), "data": None})
        sizes = self.session.memory.batch_sizes  # answers are an image's own
        session = replace(self.session, memory=Memory(sizes))
        place = self.folder.piece(index, example.name)
        try:
            run(request, session, images=[example.image], names=[example.name], out=place)
        except PluginError as error:
            self.failed[example.name] = str(error)

    def index(self, total: int) -> FolderRun:
        """Write index.json of the bundles that are there, whoever made them."""
        kept = self.folder.found(MANIFEST)
        entries: list[FolderEntry] = []
        for index in sorted(kept):
            self.session.progress("index", len(entries), len(kept))
            entries.append(_entry(kept[index].parent))
        found = FolderRun(
            self.folder.folder,
            self.request,
            tuple(entries),
            total,
            self.failed,
            tuple(self.reading.notes()),
        )
        write_json_whole(found.folder / INDEX, found.facts())
        return found


def _entry(folder: Path) -> FolderEntry:
    found = open_bundle(folder)[1]
    made = found.provenance
    if made is None:
        raise InputError(f"{folder} does not say what made it; remove it and run again")
    standing = shown(found, made.targets)
    return FolderEntry(
        name=made.image_names[0],
        folder=folder.name,
        prediction=made.predictions[0],
        targets=made.targets,
        samples=found.samples,
        seconds=made.seconds,
        full=full_colour(standing.values()),
        r2={target: each.r2 for target, each in standing.items()},
    )
