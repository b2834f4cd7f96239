"""Repeating what a folder holds, and saying whether it comes out the same."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from interp.comparison.compare import compare
from interp.comparison.result import Comparison
from interp.difference.difference import Difference, difference
from interp.errors import InputError, ModelError
from interp.report import write_reports
from interp.result.bundle import open_bundle
from interp.run import run, survey
from interp.session import Session
from interp.spec import ModelOptions, ModelSpec
from interp.storage.folder import MANIFEST, read_json


@dataclass(frozen=True, eq=False)
class Rerun:
    """A result that was made again: what differs, and where the new one lies, if it was kept."""

    difference: Difference
    notes: tuple[str, ...] = ()
    out: Path | None = None

    @property
    def same(self) -> bool:
        """Whether it is the same up to rounding."""
        return self.difference.same


def rerun(folder: Path, session: Session | None = None, *, out: Path | None = None) -> Rerun:
    """Repeat a run, a survey or a comparison on the images that its folder holds.

    The session's model, if it has one, takes the place of the one that is named. Raises InputError
    where the model found is another one.
    """
    session = session or Session()
    if not (folder / MANIFEST).is_file():
        raise InputError(
            f"{folder}: found no {MANIFEST}; expected a folder that run or compare wrote"
        )
    again = _comparison if read_json(folder / MANIFEST).get("kind") == "comparison" else _bundle
    with tempfile.TemporaryDirectory() as scratch:
        place = out or Path(scratch) / "again"
        notes = again(folder, place, session)
        return Rerun(difference(folder, place), notes, out)


def _bundle(folder: Path, place: Path, session: Session) -> tuple[str, ...]:
    request, before = open_bundle(folder)
    made = before.provenance
    if made is None:
        raise InputError(f"{folder} does not say what made it; it cannot be repeated")
    session = _with_model(session, request.model, request.options, made.model)
    request = request.model_copy(update={"params": made.params})  # defaults may have changed since
    if not before.images:
        survey(request, session, out=place)
        return ()
    run(request, session, images=before.images, names=made.image_names, out=place)
    return _notes(request.budget.seconds)


def _comparison(folder: Path, place: Path, session: Session) -> tuple[str, ...]:
    before = Comparison.open(folder)
    params = before.params()
    methods = [
        each.model_copy(update={"params": params[each.name]}) for each in before.request.methods
    ]
    request = before.request.model_copy(update={"methods": tuple(methods)})
    session = _with_model(session, request.model, request.options, before.model)
    images = [case.image for case in before.cases]
    names = [each.name for each in before.records]
    found = compare(request, session, images=images, names=names, out=place)
    write_reports(session.registry, found, session.progress)
    return _notes(request.budget.seconds)


def _with_model(session: Session, source: str, options: ModelOptions, known: ModelSpec) -> Session:
    """The session with the model opened, checked to be the one that was explained."""
    try:
        opened = session.open_model(source, options)
    except ModelError as error:
        raise InputError(
            f"{error}; if {known.name} was a live object, repeat from Python: "
            "interp.rerun(folder, model=...)"
        ) from error
    if opened.spec.fingerprint != known.fingerprint:
        raise InputError(
            f"{opened.spec.source} has the fingerprint {opened.spec.fingerprint[:12]}, but "
            f"{known.name} ({known.source}) with {known.fingerprint[:12]} was explained; name that "
            "model with --model, or repeat from Python: interp.rerun(folder, model=...)"
        )
    return replace(session, model=opened)


def _notes(seconds: float | None) -> tuple[str, ...]:
    if seconds is None:
        return ()
    return (f"the budget was {seconds:g} s, which is not the same number of samples every time",)
