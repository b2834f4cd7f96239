"""Repeating a saved result, and checking that it comes out the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from interp.comparison.compare import compare
from interp.comparison.models import PART, ModelComparison, model_folders
from interp.comparison.result import Comparison
from interp.context import Budget
from interp.difference.difference import Difference, FolderDifference, difference
from interp.difference.kind import FOLDER_RUN, MODELS, repeatable_kind
from interp.errors import InputError, ModelError
from interp.explanation import Explanation, Provenance
from interp.registry.origin import other_versions
from interp.report.models_page import write_models_report
from interp.report.page import INDEX_PAGE, compare_with_report, write_index
from interp.result.bundle import explained_images, open_bundle
from interp.result.stored_image import whole_images
from interp.run import run, survey
from interp.run_folder import FolderRun, run_folder
from interp.run_folder.job import Layout
from interp.run_folder.opening import as_bundle
from interp.run_folder.part_store import PartEntries
from interp.session import Session
from interp.spec import ModelOptions, ModelSpec
from interp.storage.folder import scratch_folder

Notes = tuple[str, ...]
"""What is said of a repetition, such as of other versions of packages."""


@dataclass(frozen=True, eq=False)
class Rerun:
    """A repeated result: how it differs from the first, and its folder `out` if it was kept."""

    difference: Difference | FolderDifference
    notes: Notes = ()
    out: Path | None = None

    @property
    def same(self) -> bool:
        """Whether it is the same up to rounding."""
        return self.difference.same


def rerun(
    folder: str | Path,
    session: Session | None = None,
    *,
    out: str | Path | None = None,
    images: Sequence[str] = (),
    data: str | None = None,
) -> Rerun:
    """Repeat a run, a survey, a comparison or a run on a folder of images.

    The images are those that the folder holds. Large ones, those of other channels than grey or
    RGB, and those of a run on a folder are read again: where they were, or from the files `images`
    or the path `data`. The session's model, if it has one, takes the place of the named one. Raises
    InputError where the model or an image that is found is not the one that was explained.
    """
    session = replace(session or Session(), temporary=out is None)
    with (
        as_bundle(Path(folder), session.registry) as place,
        scratch_folder("rerun") as scratch,
    ):
        again = scratch / "again" if out is None else Path(out)
        budget, notes = _repeat(place, again, session, tuple(images), data)
        if budget.seconds is not None:
            said = f"the budget was {budget.seconds:g} s: the number of samples then varies"
            notes = (*notes, said)
        found = difference(place, again, session.registry)
        return Rerun(found, notes, None if out is None else again)


def _repeat(
    folder: Path, place: Path, session: Session, images: Sequence[str], data: str | None
) -> tuple[Budget, Notes]:
    """Make a result of any kind again at `place`; returns its budget, and notes."""
    kind = repeatable_kind(folder)
    _refuse(folder, "images", images and kind not in ("explanation", "comparison"))
    _refuse(folder, "data", data is not None and kind != FOLDER_RUN)
    if kind == FOLDER_RUN:
        return _folder_run(folder, place, session, data)
    if kind == MODELS:
        return _models(folder, place, session)
    if kind == "comparison":
        return _comparison(folder, place, session, images)
    return _bundle(folder, place, session, images)


def _refuse(folder: Path, name: str, given: object) -> None:
    """Raise InputError where something is given that this result does not need."""
    if given:
        raise InputError(f"found {name} to read again; {folder} needs none, leave them out")


def _bundle(
    folder: Path, place: Path, session: Session, files: Sequence[str]
) -> tuple[Budget, Notes]:
    """Repeat a run or a survey."""
    request, before = open_bundle(folder, session.registry)
    made = _provenance(folder, before)
    notes = other_versions(folder, made.origins, session.registry)
    session = _with_model(session, request.model, request.options, made.model)
    request = request.model_copy(update={"params": made.params})  # defaults may have changed since
    if before.images and _kept_whole(made.model):
        images = explained_images(folder, before, files)
        run(request, session, images=images, names=made.image_names, out=place)
    elif before.images:
        named = request.model_copy(update={"images": tuple(files) or request.images})
        run(named, session, out=place)
    else:
        _refuse(folder, "images", files)
        survey(request, session, out=place)
    return request.budget, notes


def _comparison(
    folder: Path, place: Path, session: Session, files: Sequence[str] = (), report: bool = True
) -> tuple[Budget, Notes]:
    """Repeat a comparison, and write its report unless that is part of another."""
    before = Comparison.open(folder, session.registry)
    notes = other_versions(folder, before.origins(), session.registry)
    params = before.params()
    methods = tuple(
        each.model_copy(update={"params": params[each.name]}) for each in before.request.methods
    )
    request = before.request.model_copy(update={"methods": methods})
    session = _with_model(session, request.model, request.options, before.model)
    images = names = None
    if _kept_whole(before.model):
        kept = {str(at): each.smaller for at, each in enumerate(before.records) if each.smaller}
        images = list(whole_images([case.image for case in before.cases], kept, files))
        names = [each.name for each in before.records]
    make = compare_with_report if report else compare
    make(request, session, images=images, names=names, out=place)
    return request.budget, notes


def _models(folder: Path, place: Path, session: Session) -> tuple[Budget, Notes]:
    """Repeat the comparisons of several models, each opened where it was."""
    if session.model is not None:
        raise InputError(
            f"{folder} compares several models; to say where one is now, repeat that one's part "
            f"alone, such as {folder / PART.format(1)}"
        )
    notes: Notes = ()
    for each in model_folders(folder):
        budget, more = _comparison(each, place / each.name, session, report=False)
        notes += more
    found = ModelComparison.open(place, session.registry)
    write_models_report(session.registry, found, place)
    return budget, notes


def _folder_run(
    folder: Path, place: Path, session: Session, data: str | None
) -> tuple[Budget, Notes]:
    """Repeat a run on a folder of images, which are read where they were or from `data`."""
    before = FolderRun.open(folder, session.registry)
    if not before.entries:
        raise InputError(f"{folder} holds no result of an image; there is nothing to repeat")
    made = _provenance(folder, before.explanation(0))
    notes = other_versions(folder, made.origins, session.registry)
    wanted = {"params": made.params, "data": data or before.request.data}
    request = before.request.model_copy(update=wanted)
    session = _with_model(session, request.model, request.options, made.model)
    pictures = (folder / INDEX_PAGE).is_file()
    layout: Layout = "parts" if isinstance(before.entries, PartEntries) else "folders"
    found = run_folder(
        request, place, session, limit=before.total, pictures=pictures, layout=layout
    )
    if pictures:
        write_index(session.registry, found)
    return request.budget, notes


def _provenance(folder: Path, found: Explanation) -> Provenance:
    if found.provenance is None:
        raise InputError(f"{folder} does not say what made it; it cannot be repeated")
    return found.provenance


def _kept_whole(model: ModelSpec) -> bool:
    """Whether results hold the model's images as they are, not only as they are drawn."""
    return model.input.channels == 3


def _with_model(
    session: Session, source: str, options: ModelOptions, explained: ModelSpec
) -> Session:
    """The session with the model opened, checked to be the one that was explained."""
    try:
        opened = session.open_model(source, options)
    except ModelError as error:
        raise InputError(
            f"{error}; if {explained.name} was a live object, repeat from Python: "
            "interp.rerun(folder, model=...)"
        ) from error
    if opened.spec.fingerprint != explained.fingerprint:
        raise InputError(
            f"{opened.spec.source} has the fingerprint {opened.spec.fingerprint[:12]}, but "
            f"{explained.name} ({explained.source}) with {explained.fingerprint[:12]} was "
            "explained; name that model with --model, or repeat from Python: "
            "interp.rerun(folder, model=...)"
        )
    return replace(session, model=opened)
