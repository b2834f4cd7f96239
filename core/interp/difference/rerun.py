"""Repeating a saved result, and checking that it comes out the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from interp.comparison.result import Comparison
from interp.context import Budget
from interp.difference.difference import Difference, difference, result_kind
from interp.errors import InputError, ModelError
from interp.registry.origin import other_versions
from interp.report.page import compare_with_report
from interp.result.bundle import explained_images, open_bundle
from interp.run import run, survey
from interp.run_folder.opening import as_bundle
from interp.session import Session
from interp.spec import ModelOptions, ModelSpec
from interp.storage.folder import scratch_folder


@dataclass(frozen=True, eq=False)
class Rerun:
    """A repeated result: how it differs from the first, and its folder `out` if it was kept."""

    difference: Difference
    notes: tuple[str, ...] = ()
    out: Path | None = None

    @property
    def same(self) -> bool:
        """Whether it is the same up to rounding."""
        return self.difference.same


def rerun(
    folder: str | Path, session: Session | None = None, *, out: str | Path | None = None
) -> Rerun:
    """Repeat a run, a survey or a comparison on the images that its folder holds.

    Those of other channels than grey or RGB are read again where the request names them.

    The session's model, if it has one, takes the place of the named one. Raises InputError where
    the model that is found is not the one that was explained.
    """
    session = replace(session or Session(), temporary=out is None)
    with as_bundle(Path(folder), session.registry) as bundle:
        return _rerun(bundle, session, out)


def _rerun(folder: Path, session: Session, out: str | Path | None) -> Rerun:
    repeat = _comparison if result_kind(folder) == "comparison" else _bundle
    with scratch_folder("rerun") as scratch:
        place = scratch / "again" if out is None else Path(out)
        budget, notes = repeat(folder, place, session)
        if budget.seconds is not None:
            said = f"the budget was {budget.seconds:g} s: the number of samples then varies"
            notes = (*notes, said)
        found = difference(folder, place, session.registry)
        return Rerun(found, notes, None if out is None else place)


def _bundle(folder: Path, place: Path, session: Session) -> tuple[Budget, tuple[str, ...]]:
    """Repeat a run or a survey; returns its budget and notes on other versions of packages."""
    request, before = open_bundle(folder, session.registry)
    made = before.provenance
    if made is None:
        raise InputError(f"{folder} does not say what made it; it cannot be repeated")
    notes = other_versions(folder, made.origins, session.registry)
    session = _with_model(session, request.model, request.options, made.model)
    request = request.model_copy(update={"params": made.params})  # defaults may have changed since
    if before.images and _kept_whole(made.model):
        images = explained_images(folder, before)
        run(request, session, images=images, names=made.image_names, out=place)
    elif before.images:
        run(request, session, out=place)
    else:
        survey(request, session, out=place)
    return request.budget, notes


def _comparison(folder: Path, place: Path, session: Session) -> tuple[Budget, tuple[str, ...]]:
    """Repeat a comparison; returns its budget and notes on other versions of packages."""
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
        images = [case.image for case in before.cases]
        names = [each.name for each in before.records]
    compare_with_report(request, session, images=images, names=names, out=place)
    return request.budget, notes


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
