"""Pages: a comparison of one image, of several behind a gallery, an explanation alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from interp.comparison.result import Comparison, ImageRecord
from interp.context import Progress, no_progress
from interp.errors import InputError, PluginError
from interp.explanation import Explanation
from interp.opening.named import open_method
from interp.registry import Registry
from interp.report.command import command
from interp.report.picture import THUMB, Painter, Picture
from interp.report.section import section, sections_of, summary_of
from interp.request import Choice
from interp.result.bundle import open_bundle
from interp.run_folder import FolderRun

REPORT = "report.html"


@dataclass(frozen=True)
class MethodRow:
    """A method's line in the table of what was done."""

    method: str
    summary: str
    params: str
    all: dict[str, Any]
    samples: int
    evaluated: int
    seconds: float
    full: str
    answered: bool


def comparison_html(registry: Registry, comparison: Comparison, whole: bool = True) -> str:
    """The report of a comparison; `whole` is a file, else a part of somebody else's page."""
    several = len(comparison.records) > 1
    make = _gallery if several else _single
    return make(registry, comparison, comparison.records, whole)


def explanation_html(registry: Registry, explanation: Explanation) -> str:
    """An explanation as a part of somebody else's page."""
    made = explanation.provenance
    painter = Painter(registry)
    return render(
        "explanation.html",
        whole=False,
        title="Explanation" if made is None else f"{made.method} on {made.model.name}",
        sections=sections_of(painter, explanation),
        legend=legend(painter),
        made=made,
        samples=explanation.samples,
    )


def write_reports(
    registry: Registry, comparison: Comparison, progress: Progress = no_progress
) -> None:
    """Write report.html into a saved comparison's folder, and one beside each of several images.

    The folder's manifest is written again, so that it vouches for the pages too. InputError for a
    comparison that was not saved.
    """
    folder, count = comparison.folder, len(comparison.records)
    if folder is None:
        raise InputError("this comparison was not saved, so it has no folder for a report")
    if count > 1:
        for at, record in enumerate(comparison.records):
            progress("pages of the report", at, count + 1)
            text = _single(registry, comparison, [record], True)
            (folder / record.folder / REPORT).write_text(text, encoding="utf-8")
    progress("pages of the report", count, count + 1)
    (folder / REPORT).write_text(comparison_html(registry, comparison), encoding="utf-8")
    comparison.seal()


def write_index(registry: Registry, run: FolderRun) -> None:
    """index.html in the folder of a run: every image's map, on one scale."""
    painter = Painter(registry, THUMB)
    full = max((each.full for each in run.entries), default=0.0)
    sections = (
        replace(part, link=f"{entry.folder}/")
        for entry in run.entries
        for part in sections_of(painter, open_bundle(run.folder / entry.folder)[1], full, False)
    )
    text = render(
        "index.html",
        whole=True,
        title=f"{run.request.method} on {len(run.entries)} images",
        run=run,
        sections=sections,
        full=full,
        legend=legend(painter),
    )
    (run.folder / "index.html").write_text(text, encoding="utf-8")


def _single(
    registry: Registry, comparison: Comparison, records: Sequence[ImageRecord], whole: bool
) -> str:
    painter, record = Painter(registry), records[0]
    case = comparison.cases[comparison.records.index(record)]
    return render(
        "comparison.html",
        whole=whole,
        title=f"{len(comparison.methods)} methods on {Path(record.name).name}",
        section=section(painter, comparison, record, case),
        back=f"../{REPORT}" if len(comparison.records) > 1 else "",
        **_shared(painter, comparison, records),
    )


def _gallery(
    registry: Registry, comparison: Comparison, records: Sequence[ImageRecord], whole: bool
) -> str:
    painter = Painter(registry, THUMB)
    sections = (
        replace(
            section(painter, comparison, record, case, further=False),
            link=f"{record.folder}/{REPORT}" if comparison.folder else "",
        )
        for record, case in zip(records, comparison.cases, strict=True)
    )
    return render(
        "gallery.html",
        whole=whole,
        title=f"{len(comparison.methods)} methods on {len(records)} images",
        sections=sections,
        mean=comparison.agreement.tolist(),
        **_shared(painter, comparison, records),
    )


def _shared(
    painter: Painter, comparison: Comparison, records: Sequence[ImageRecord]
) -> dict[str, Any]:
    """What every page of a comparison says."""
    return {
        "comparison": comparison,
        "model": comparison.model,
        "methods": comparison.methods,
        "legend": legend(painter),
        "rows": [
            _row(painter.registry, comparison, records, at) for at in range(len(comparison.methods))
        ],
        "command": command(comparison.request),
    }


def _row(
    registry: Registry, comparison: Comparison, records: Sequence[ImageRecord], at: int
) -> MethodRow:
    choice = comparison.request.methods[at]
    outcomes = [each.outcomes[at] for each in records]
    return MethodRow(
        choice.name,
        summary_of(registry, choice.name),
        ", ".join(f"{key}={value}" for key, value in choice.params.items()) or "defaults",
        _params(registry, choice),
        sum(each.samples for each in outcomes),
        sum(each.evaluated for each in outcomes),
        sum(each.seconds for each in outcomes),
        f"{comparison.scales[choice.name]:.3g} {_unit(comparison, at)}",
        any(each.error is None for each in outcomes),
    )


def _unit(comparison: Comparison, at: int) -> str:
    units = (each.outcomes[at].unit for each in comparison.records)
    return next((each for each in units if each), "")


def _params(registry: Registry, choice: Choice) -> dict[str, Any]:
    """All parameters; none where the method's package cannot be used."""
    try:
        found = open_method(registry, choice.name, choice.params).params
    except PluginError:
        return {}
    return dict(found.model_dump(mode="json"))


def legend(painter: Painter) -> Picture:
    """The colours from −1 to 1."""
    share = np.repeat(np.linspace(-1, 1, 241)[None], 10, 0)
    return painter.tile(share, None, "Blue at −1: against. White at 0. Red at 1: for.")


def reading_html() -> str:
    """How to read the maps, as a part of somebody else's page."""
    return str(_templates().get_template("parts.html").module.reading())


def render(name: str, **values: Any) -> str:
    """A template with everything escaped that is not the template's own."""
    return str(_templates().get_template(name).render(**values))


@cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["zip"] = zip
    return environment
