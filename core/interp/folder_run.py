"""One method on a folder of images: a bundle for each, an index, and nothing done twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interp.bundle import open_bundle
from interp.context import Progress, silent
from interp.dataset import Example, open_dataset
from interp.errors import Cancelled, InputError, PluginError
from interp.explanation import Prediction
from interp.folder import MANIFEST
from interp.growing import Growing, write_whole
from interp.model import ModelAdapter
from interp.opening import open_method, require
from interp.reading import Reading
from interp.registry import Registry
from interp.request import Request
from interp.run import explain, finish
from interp.shown import full_colour, shown
from interp.source import open_model
from interp.spec import Plain
from interp.target import parse_target

INDEX = "index.json"


class Entry(Plain):
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
    entries: tuple[Entry, ...]
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
    request: Request,
    out: Path,
    *,
    registry: Registry | None = None,
    model: object = None,
    limit: int | None = None,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = lambda: False,
) -> FolderRun:
    """Explain the images of `request.data`, one bundle each under `out`, with index and gallery.

    With `request.budget.shard` (i, n) only every n-th; shards may fill one folder. The same
    request goes on where it was. Unreadable images are noted, and so is a method's failure on
    one; PluginError where it failed on all.
    """
    if request.data is None:
        raise InputError("found no folder of images; name one with --data")
    registry = registry or Registry.load()
    method = open_method(registry, request.method, request.params)
    dataset = open_dataset(request.data)
    opened = open_model(request.model if model is None else model, request.options, registry)
    require(request.method, method, opened)
    for text in request.targets:
        parse_target(text, opened.spec.classes)
    part, parts = request.budget.shard or (0, 1)
    alike = request.model_copy(update={"budget": request.budget.model_copy(update={"shard": None})})
    content = {"images": dataset.fingerprint, "model": opened.spec.fingerprint}
    growing = Growing(out, alike, content)
    growing.begin()
    total = len(dataset) if limit is None else min(limit, len(dataset))
    job = Job(alike, registry, opened, growing, Reading(dataset), progress, cancelled)
    job.work(range(part, total, parts))
    return job.index(total)


@dataclass(frozen=True, eq=False)
class Job:
    """A folder's run at work."""

    request: Request
    registry: Registry
    model: ModelAdapter
    growing: Growing
    reading: Reading
    progress: Progress
    cancelled: Callable[[], bool]
    failed: dict[str, str] = field(default_factory=dict)

    def work(self, indices: range) -> None:
        """Explain the images that have no bundle yet."""
        done = self.growing.found(MANIFEST)
        todo = [index for index in indices if index not in done]
        sizes: dict[Any, Any] = {}
        try:
            for turn, (index, example) in enumerate(self.reading.examples(todo)):
                self.progress("images", turn, len(todo))
                if example is not None:
                    self._one(index, example, sizes)
        except KeyboardInterrupt as error:
            raise Cancelled(self.growing.stopped(len(self.growing.found(MANIFEST)))) from error
        if len(self.failed) == len(todo) > 0:
            raise PluginError(f"every image failed; the first: {next(iter(self.failed.values()))}")

    def _one(self, index: int, example: Example, sizes: dict[Any, Any]) -> None:
        request = self.request.model_copy(update={"images": (example.name,), "data": None})
        try:
            found = explain(
                request,
                registry=self.registry,
                model=self.model,
                images=[example.image],
                names=[example.name],
                memory={"batch sizes": sizes},
                progress=self.progress,
                cancelled=self.cancelled,
            )
            place = self.growing.piece(index, example.name)
            finish(self.registry, request, found, out=place)
        except PluginError as error:
            self.failed[example.name] = str(error)

    def index(self, total: int) -> FolderRun:
        """Write index.json and index.html of the bundles that are there, whoever made them."""
        from interp.report import write_index

        kept = self.growing.found(MANIFEST)
        entries: list[Entry] = []
        for index in sorted(kept):
            self.progress("index", len(entries), len(kept))
            entries.append(_entry(kept[index].parent))
        found = FolderRun(
            self.growing.folder,
            self.request,
            tuple(entries),
            total,
            self.failed,
            tuple(self.reading.notes()),
        )
        write_whole(found.folder / INDEX, found.facts())
        write_index(self.registry, found)
        return found


def _entry(folder: Path) -> Entry:
    found = open_bundle(folder)[1]
    made = found.provenance
    if made is None:
        raise InputError(f"{folder} does not say what made it; remove it and run again")
    standing = shown(found, made.targets)
    return Entry(
        name=made.image_names[0],
        folder=folder.name,
        prediction=made.predictions[0],
        targets=made.targets,
        samples=found.samples,
        seconds=made.seconds,
        full=full_colour(standing.values()),
        r2={target: each.r2 for target, each in standing.items()},
    )
