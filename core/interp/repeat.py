"""Repeating what a folder holds, and saying whether it comes out the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from interp.bundle import open_bundle
from interp.comparison.compare import compare
from interp.comparison.result import Comparison
from interp.context import Progress, silent
from interp.difference import Difference, difference
from interp.errors import InputError, ModelError
from interp.folder import MANIFEST, read_json
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.run import explain, finish, survey
from interp.source import open_model
from interp.spec import ModelOptions, ModelSpec


@dataclass(frozen=True, eq=False)
class Repeat:
    """A result that was made again: what differs, and where the new one lies, if it was kept."""

    difference: Difference
    notes: tuple[str, ...] = ()
    out: Path | None = None

    @property
    def same(self) -> bool:
        """Whether it is the same up to rounding."""
        return self.difference.same


@dataclass(frozen=True)
class Setting:
    """What a repetition is done with."""

    registry: Registry
    model: object
    progress: Progress
    cancelled: Callable[[], bool]


def repeat(
    folder: Path,
    *,
    registry: Registry | None = None,
    model: object = None,
    out: Path | None = None,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = lambda: False,
) -> Repeat:
    """Repeat a run, a survey or a comparison on the images that its folder holds.

    `model` takes the place of the one that is named. Raises InputError where the model found is
    another one.
    """
    setting = Setting(registry or Registry.load(), model, progress, cancelled)
    if not (folder / MANIFEST).is_file():
        raise InputError(
            f"{folder}: found no {MANIFEST}; expected a folder that run or compare wrote"
        )
    again = _comparison if read_json(folder / MANIFEST).get("kind") == "comparison" else _bundle
    with tempfile.TemporaryDirectory() as scratch:
        place = out or Path(scratch) / "again"
        notes = again(folder, place, setting)
        return Repeat(difference(folder, place), notes, out)


def _bundle(folder: Path, place: Path, setting: Setting) -> tuple[str, ...]:
    request, before = open_bundle(folder)
    made = before.provenance
    if made is None:
        raise InputError(f"{folder} does not say what made it; it cannot be repeated")
    opened = _model(setting, request.model, request.options, made.model)
    request = request.model_copy(update={"params": made.params})  # defaults may have changed since
    if not before.images:
        survey(
            request, registry=setting.registry, model=opened, out=place, progress=setting.progress
        )
        return ()
    after = explain(
        request,
        registry=setting.registry,
        model=opened,
        images=before.images,
        names=made.image_names,
        progress=setting.progress,
        cancelled=setting.cancelled,
    )
    finish(setting.registry, request, after, out=place)
    return _notes(request.budget.seconds)


def _comparison(folder: Path, place: Path, setting: Setting) -> tuple[str, ...]:
    before = Comparison.open(folder)
    params = before.params()
    methods = [
        each.model_copy(update={"params": params[each.name]}) for each in before.request.methods
    ]
    request = before.request.model_copy(update={"methods": tuple(methods)})
    compare(
        request,
        registry=setting.registry,
        model=_model(setting, request.model, request.options, before.model),
        images=[case.image for case in before.cases],
        names=[each.name for each in before.records],
        out=place,
        progress=setting.progress,
        cancelled=setting.cancelled,
    )
    return _notes(request.budget.seconds)


def _model(setting: Setting, source: str, options: ModelOptions, known: ModelSpec) -> ModelAdapter:
    """The model, checked to be the one that was explained."""
    given = setting.model
    if isinstance(given, ModelAdapter):
        opened = given
    else:
        try:
            opened = open_model(source if given is None else given, options, setting.registry)
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
    return opened


def _notes(seconds: float | None) -> tuple[str, ...]:
    if seconds is None:
        return ()
    return (f"the budget was {seconds:g} s, which is not the same number of samples every time",)
