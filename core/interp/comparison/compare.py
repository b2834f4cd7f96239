"""Comparing methods: what is asked, checked; then in memory, or in a folder that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from interp.comparison.comparison_run import ComparisonRun, OnImage, no_callback, record_of
from interp.comparison.result import (
    RECORD,
    Comparison,
    ComparisonRequest,
    ImageRecord,
    StoredImages,
)
from interp.dataset import TolerantReader
from interp.errors import Cancelled, InputError, PluginError
from interp.opening.images import open_images
from interp.opening.named import open_method
from interp.registry import Registry
from interp.request import Choice
from interp.session import Session
from interp.storage.folder import read_json, write_json
from interp.storage.resumable import ResumableFolder, check_resumable
from interp.target import parse_target


def compare(
    request: ComparisonRequest,
    session: Session | None = None,
    *,
    images: Sequence[np.ndarray] | None = None,
    names: Sequence[str] | None = None,
    out: Path | None = None,
    on_image: OnImage = no_callback,
) -> Comparison:
    """Explain each image by every method; with `out`, into a folder with a bundle for each.

    `images`, with their `names`, take the place of the request's. The same request goes on with a
    folder that it began. What concerns all methods (a name, an image, a class) is raised before
    any work; what concerns one stands in its cell. `on_image` is called with an image's answers so
    far as methods end, the ones without samples first.
    """
    if out is not None:
        check_resumable(out)
    session = session or Session()
    _check_methods(session.registry, request.methods)
    dataset = open_images(session.registry, names or request.images, request.data, images)
    opened = session.open_model(request.model, request.options)
    for text in request.targets:
        parse_target(text, opened.spec.classes)
    job = ComparisonRun(request, session, opened, on_image)
    return (
        _held(job, TolerantReader(dataset))
        if out is None
        else _stored(job, TolerantReader(dataset), out)
    )


def _check_methods(registry: Registry, choices: Sequence[Choice]) -> None:
    """Raise for a slip of the user's; a package that fails stands in its cell later."""
    if not choices:
        raise InputError("no method to compare; name some, e.g. --plugins mint,gradcam")
    for choice in choices:
        registry.entry("method", choice.name)
        try:
            open_method(registry, choice.name, choice.params)
        except PluginError:
            continue
    names = [each.name for each in choices]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"{twice[0]} is named twice; name each method once")


def _held(job: ComparisonRun, reading: TolerantReader) -> Comparison:
    """Everything in memory."""
    found = [job.case(example) for _, example in job.examples(reading)]
    records = tuple(record_of(each, job.model.spec) for each in found)
    return job.comparison(records, found, reading, None)


def _stored(job: ComparisonRun, reading: TolerantReader, out: Path) -> Comparison:
    """One image in memory at a time; what is whole already is not done again."""
    content = {"images": reading.dataset.fingerprint, "model": job.model.spec.fingerprint}
    folder = ResumableFolder.of(out, job.request, content)
    folder.begin()
    kept = folder.found(RECORD)
    records = {at: ImageRecord.model_validate(read_json(path)) for at, path in kept.items()}
    try:
        for index, example in job.examples(reading, records):
            records[index] = job.store(example, folder.piece(index, example.name))
    except KeyboardInterrupt as error:
        raise Cancelled(folder.stopped(len(records))) from error
    listed = tuple(records[index] for index in sorted(records))
    found = job.comparison(listed, StoredImages(out, listed), reading, out)
    write_json(out / "comparison.json", found.facts())
    found.seal()
    return found
