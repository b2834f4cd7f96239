"""One method on a folder of images: a bundle for each image and an index, resumable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from interp.cluster.pool import Lost
from interp.dataset import Dataset, TolerantReader, for_channels
from interp.errors import Cancelled, InputError, OutputError, PluginError
from interp.explanation import Prediction
from interp.model import ModelAdapter
from interp.opening.named import open_method, require
from interp.opening.reader import read_data
from interp.request import Request
from interp.result.bundle import open_bundle
from interp.result.draw import colour_limit, maps_by_target
from interp.run import run
from interp.session import Session
from interp.spec import Plain
from interp.storage.folder import MANIFEST, write_json_whole
from interp.storage.pixel import LoadedImage
from interp.storage.resumable import ResumableFolder
from interp.target import parse_target

INDEX = "index.json"


class FolderEntry(Plain):
    """The numbers of an image's bundle; `full` is the |value| drawn in full colour."""

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
    """What the folder holds. `failed`: the images on which the method failed, with the reason."""

    folder: Path
    request: Request
    entries: tuple[FolderEntry, ...]
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
    request: Request, out: str | Path, session: Session | None = None, *, limit: int | None = None
) -> FolderRun:
    """Explain the images of `request.data`, one bundle each under `out`, and write index.json.

    With `request.budget.shard` (i, n) only every n-th image is explained; several shards may fill
    one folder, and each may share its images among the workers of `session.pool`, which see the
    same folders. A stopped run is resumed by the same request. Unreadable images and those on which
    the method fails are recorded. Raises PluginError where it fails on all.
    """
    part, parts = request.budget.shard or (0, 1)
    budget = request.budget.model_copy(update={"shard": None})
    request = request.model_copy(update={"budget": budget})  # the same for every shard
    job = FolderJob.open(request, Path(out), (session or Session()).steady())
    job.folder.begin()
    count = len(job.dataset)
    total = count if limit is None else min(limit, count)
    reader = TolerantReader(job.dataset)
    failed = _explain_missing(job, reader, range(part, total, parts))
    entries = tuple(_entries(job.folder, job.session))
    notes = (*job.model.spec.notes, *reader.notes())
    found = FolderRun(job.folder.folder, request, entries, total, failed, notes)
    write_json_whole(job.folder.folder / INDEX, found.facts())
    return found


@dataclass(frozen=True)
class ImageOutcome:
    """What became of an image: a bundle, unless it is `unreadable` or the method `failed` on it."""

    name: str = ""
    notes: tuple[str, ...] = ()
    """What was assumed in reading it."""
    unreadable: str | None = None
    failed: str | None = None


@dataclass(frozen=True, eq=False)
class FolderJob:
    """A request on a folder of images whose model and data are open; the model is the session's."""

    request: Request
    session: Session
    model: ModelAdapter
    dataset: Dataset
    folder: ResumableFolder

    @classmethod
    def open(cls, request: Request, out: Path, session: Session) -> FolderJob:
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
        return cls(request, replace(session, model=model), model, dataset, folder)

    def explain(self, index: int) -> ImageOutcome:
        """Write one image's bundle, unless it is there."""
        try:
            example = self.dataset[index]
        except InputError as error:
            return ImageOutcome(unreadable=str(error))
        place = self.folder.piece(index, example.name)
        outcome = ImageOutcome(example.name, example.notes)
        if (place / MANIFEST).is_file():  # another process at this folder was faster
            return outcome
        single = self.request.model_copy(update={"images": (example.name,), "data": None})
        alone = replace(self.session, memory=self.session.memory.alone())  # one image's answers
        images, names = [LoadedImage(example.image, example.notes)], [example.name]
        try:
            run(single, alone, images=images, names=names, out=place, resume=False)
        except OutputError:
            raise
        except (PluginError, InputError) as error:  # such as nothing found in the image
            if not (place / MANIFEST).is_file():
                return replace(outcome, failed=str(error))
        return outcome


def _reopened(
    request: Request, out: Path, session: Callable[[], Session]
) -> Callable[[int], ImageOutcome]:
    """The same job in another process, which fills the same folder."""
    job = FolderJob.open(request, out, session())
    job.folder.join()
    return job.explain


def _explain_missing(job: FolderJob, reader: TolerantReader, indices: range) -> dict[str, str]:
    """Explain the images that have no bundle yet; failures by the image's name."""
    finished = job.folder.found(MANIFEST)
    missing = [index for index in indices if index not in finished]
    outcomes: dict[int, ImageOutcome] = {}
    progress, pool = job.session.progress, job.session.pool
    reopen = partial(_reopened, job.request, job.folder.folder, job.session.reopen())
    try:
        progress("images", 0, len(missing))
        for index, found in pool.map(job.explain, missing, reopen):
            if isinstance(found, Lost):
                found = ImageOutcome(f"image {index}", failed=found.reason)
            outcomes[index] = found
            progress("images", len(outcomes), len(missing))
    except KeyboardInterrupt as error:
        raise Cancelled(job.folder.stopped(len(job.folder.found(MANIFEST)))) from error
    failed: dict[str, str] = {}
    for _, each in sorted(outcomes.items()):
        reader.unreadable += [each.unreadable] if each.unreadable is not None else []
        reader.assume(each.name, each.notes)
        failed |= {each.name: each.failed} if each.failed is not None else {}
    if missing and len(failed) == len(missing):
        raise PluginError(f"every image failed; the first: {next(iter(failed.values()))}")
    if not finished and missing and len(reader.unreadable) == len(missing):
        raise InputError(f"found no image that can be read; {'; '.join(reader.notes())}")
    return failed


def _entries(folder: ResumableFolder, session: Session) -> Iterator[FolderEntry]:
    """The numbers of every bundle in the folder, whichever process wrote it."""
    finished = folder.found(MANIFEST)
    for turn, index in enumerate(sorted(finished)):
        session.progress("index", turn, len(finished))
        place = finished[index].parent
        found = open_bundle(place, session.registry)[1]
        made = found.provenance
        if made is None:
            raise InputError(f"{place} does not say what made it; remove it and run again")
        maps = maps_by_target(found, made.targets)
        yield FolderEntry(
            name=made.image_names[0],
            folder=place.name,
            prediction=made.predictions[0],
            targets=made.targets,
            samples=found.samples,
            seconds=made.seconds,
            full=colour_limit(maps.values()),
            r2={target: each.r2 for target, each in maps.items()},
        )
