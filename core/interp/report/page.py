"""Report pages: a comparison in one file or in pages, an explanation, an index of a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from interp.comparison.compare import compare
from interp.comparison.result import Comparison, ComparisonRequest, ImageRecord
from interp.comparison.verdict import verdict_lines
from interp.context import Progress, no_progress
from interp.errors import InputError
from interp.evidence import Tile
from interp.explanation import Explanation
from interp.plain_text import html
from interp.registry import Registry
from interp.report.caution import misleads
from interp.report.command import command
from interp.report.picture import THUMB, Painter, Picture
from interp.report.section import Section, section, sections_of
from interp.result.draw import maps_by_target
from interp.result.plot import balanced
from interp.run_folder import FolderEntry, FolderRun
from interp.run_folder.opening import open_result
from interp.session import Session
from interp.short import setting_words
from interp.storage.folder import day_and_time, write_text_whole

REPORT, INDEX_PAGE = "report.html", "index.html"
LARGE = 20_000_000
"""Bytes of a report from which on it is slow to open and to mail."""
PAGE, PAGES = 200, 50
"""Images on a page of a folder's gallery, and its pages."""


def compare_with_report(
    request: ComparisonRequest,
    session: Session,
    *,
    out: str | Path | None,
    pages: bool = False,
    **options: Any,
) -> Comparison:
    """`compare`, and with `out` report.html in that folder, as write_reports; a large one is noted.

    `options` are those of compare.
    """

    def report(found: Comparison) -> None:
        write_reports(session.registry, found, session.progress, pages)

    found = compare(request, session, out=out, on_saved=report, **options)
    size = 0 if out is None else (Path(out) / REPORT).stat().st_size
    if pages or size <= LARGE or len(found.records) == 1:
        return found
    large = (
        f"{REPORT} has {size / 1e6:.0f} MB, which is slow to open and to mail; "
        "interp compare --pages writes a page for each image instead"
    )
    return found.noted([large])


def comparison_html(registry: Registry, comparison: Comparison, whole: bool = True) -> str:
    """The report of a comparison with all its images: a page, or else a part of another page."""
    return _page(registry, comparison, range(len(comparison.records)), whole)


def explanation_html(registry: Registry, explanation: Explanation) -> str:
    """An explanation as a part of another page."""
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
    registry: Registry,
    comparison: Comparison,
    progress: Progress = no_progress,
    pages: bool = False,
) -> None:
    """Write report.html, the one file with everything, into a saved comparison's folder.

    With `pages`, each of several images gets a page of its own in its folder, and report.html
    links to them. The folder's manifest is written again, so that it covers the pages too. Raises
    InputError for a comparison that was not saved.
    """
    folder, count = comparison.folder, len(comparison.records)
    if folder is None:
        raise InputError("this comparison was not saved, so it has no folder for a report")
    for at, record in enumerate(comparison.records):
        progress("pages of the report", at, count + 1)
        page = folder / record.folder / REPORT
        if pages and count > 1:
            write_text_whole(page, _page(registry, comparison, [at], True, back=True))
        else:
            page.unlink(missing_ok=True)  # of an earlier report in pages
    progress("pages of the report", count, count + 1)
    write = _gallery if pages and count > 1 else comparison_html
    write_text_whole(folder / REPORT, write(registry, comparison))
    comparison.seal()


def write_index(registry: Registry, run: FolderRun) -> None:
    """Write index.html into the folder of a run: the images' maps, on one scale.

    After PAGE images a next page follows, index-2.html and so on, up to the first PAGES pages.
    """
    shown = list(islice(run.entries, PAGE * PAGES))
    painter = Painter(registry, THUMB)
    pages = [shown[at : at + PAGE] for at in range(0, len(shown), PAGE)] or [[]]
    limit = max((each.full for each in shown), default=0.0)
    for number, entries in enumerate(pages, 1):
        text = render(
            "index.html",
            whole=True,
            title=f"{run.request.method} on {len(run.entries)} images",
            run=run,
            sections=_entry_sections(painter, run, entries, limit),
            limit=limit,
            unit=_unit(run),
            shown=len(shown),
            number=number,
            pages=[_page_name(each) for each in range(1, len(pages) + 1)],
            legend=legend(painter),
            misleads=misleads(registry, [run.request.method]),
        )
        write_text_whole(run.folder / _page_name(number), text)


def _unit(run: FolderRun) -> str:
    """The unit of the maps of a run, which is that of its first image's."""
    if not run.entries:
        return ""
    first, targets = run.explanation(0), run.entries[0].targets
    units = (getattr(each, "unit", "") for each in maps_by_target(first, targets).values())
    return next(units, "")


def _entry_sections(
    painter: Painter, run: FolderRun, entries: Sequence[FolderEntry], limit: float
) -> Iterator[Section]:
    for entry in entries:
        place = run.folder / entry.folder
        link = f"{entry.folder}/" if place.is_dir() else ""
        for part in sections_of(painter, open_result(place, painter.registry)[1], limit, False):
            yield replace(part, link=link)


def _page_name(number: int) -> str:
    return INDEX_PAGE if number == 1 else f"index-{number}.html"


def _page(
    registry: Registry,
    comparison: Comparison,
    chosen: Sequence[int],
    whole: bool,
    back: bool = False,
) -> str:
    """A page with everything on the chosen images; `back` leads to the page of all of them."""
    painter = Painter(registry)
    records = [comparison.records[at] for at in chosen]
    sections = (
        section(painter, comparison, comparison.records[at], comparison.cases[at]) for at in chosen
    )
    values = _values(painter, comparison, records)
    return render("comparison.html", whole=whole, back=back, sections=sections, **values)


def _gallery(registry: Registry, comparison: Comparison) -> str:
    """A page with the maps of all images, which links to the page of each."""
    painter = Painter(registry, THUMB)
    sections = (
        replace(
            section(painter, comparison, record, case, further=False),
            link=f"{record.folder}/{REPORT}",
        )
        for record, case in zip(comparison.records, comparison.cases, strict=True)
    )
    values = _values(painter, comparison, comparison.records)
    return render("gallery.html", whole=True, sections=sections, **values)


def _values(
    painter: Painter, comparison: Comparison, records: Sequence[ImageRecord]
) -> dict[str, Any]:
    """What the templates of a comparison need besides the images."""
    registry, methods = painter.registry, comparison.methods
    subject = Path(records[0].name).name if len(records) == 1 else f"{len(records)} images"
    return {
        "title": f"{len(methods)} method{'s' if len(methods) > 1 else ''} on {subject}",
        "count": len(records),
        "verdict": verdict_lines(comparison, records),
        "several": len(records) > 1 or len(records[0].targets) > 1,
        "mean": comparison.agreement.tolist(),
        "comparison": comparison,
        "model": comparison.model,
        "told": list(dict.fromkeys((*comparison.model.notes, *comparison.notes))),
        "methods": methods,
        "legend": legend(painter),
        "misleads": misleads(registry, methods),
        "rows": [
            _row(comparison, records, at, params)
            for at, params in enumerate(comparison.params().values())
        ],
        "command": command(comparison.request, registry.extra),
    }


def _row(
    comparison: Comparison, records: Sequence[ImageRecord], at: int, params: dict[str, Any]
) -> dict[str, Any]:
    """The method numbered `at` in the table of parameters and cost."""
    choice, budget = comparison.request.methods[at], comparison.request.budget
    outcomes = [each.outcomes[at] for each in records]
    units = (each.outcomes[at].unit for each in comparison.records)
    limited = {} if budget.samples is None else {"samples": budget.samples}
    limited = {key: value for key, value in limited.items() if key in params}
    given, full = setting_words({**choice.params, **limited}), comparison.scales[choice.name]
    return {
        "method": choice.name,
        "given": "defaults" if given == "–" else given,
        "params": {key: setting_words(each) for key, each in {**params, **limited}.items()},
        "samples": sum(each.samples for each in outcomes),
        "evaluated": sum(each.evaluated for each in outcomes),
        "seconds": sum(each.seconds for each in outcomes),
        "full": f"{full:.3g} {next(filter(None, units), '')}" if full else "–",
        "answered": any(each.error is None for each in outcomes),
    }


def legend(painter: Painter) -> Picture:
    """The colours from −1 to 1."""
    share = np.repeat(np.linspace(-1, 1, 241)[None], 10, 0)
    tile = Tile(name="tile", values=share.astype(np.float32))
    return painter.tile(tile, None, "Blue at −1: against. White at 0. Red at 1: for.")


def reading_html(registry: Registry, methods: Iterable[str]) -> str:
    """How to read the methods' maps, and when they mislead, as a part of another page."""
    parts = _templates().get_template("parts.html").module
    return str(parts.reading(misleads(registry, methods)))


def trust_html() -> str:
    """What the lines on how far to trust a method say, as a part of another page."""
    return str(_templates().get_template("parts.html").module.trust_words())


def verdict_html(lines: Sequence[str]) -> str:
    """A verdict in words as a part of another page."""
    return str(_templates().get_template("parts.html").module.verdict(lines))


def render(name: str, **values: Any) -> str:
    """A template filled with these values; text in them is escaped."""
    return str(_templates().get_template(name).render(**values))


@cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from interp.testing.claim import CLAIMS, question_of

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "template"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=html,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["checks"] = {name: question_of(each) for name, each in CLAIMS.items()}
    environment.filters |= {"zip": zip, "day": day_and_time, "balanced": balanced}
    return environment
