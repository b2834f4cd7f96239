"""The report of several models side by side: for each method, every model's map of an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from interp.comparison.models import PART, ModelComparison, compare_models
from interp.comparison.result import Comparison, ComparisonRequest
from interp.explanation import Prediction
from interp.registry import Registry
from interp.report.caution import misleads
from interp.report.page import REPORT, legend, render
from interp.report.panel import Panel
from interp.report.picture import Painter, Picture
from interp.report.section import Section, section
from interp.storage.folder import write_text_whole
from interp.storage.resumable import check_resumable

CompareIn = Callable[[int, ComparisonRequest, Path | None], Comparison]
"""Compares the methods on the model with this number, into a folder if there is one."""


@dataclass(frozen=True)
class Row:
    """A method on one target: each model's panel."""

    method: str
    target: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class ModelsSection:
    """One image: every model's answer to it, and the rows."""

    name: str
    photo: Picture
    answers: tuple[tuple[str, Prediction], ...]
    rows: tuple[Row, ...]


def compare_models_with_report(
    request: ComparisonRequest,
    models: Sequence[str],
    compare_in: CompareIn,
    registry: Registry,
    out: Path | None,
) -> ModelComparison:
    """compare_models, and with `out` a folder for each model and report.html in that folder.

    The same call goes on where it was stopped.
    """
    if out is not None:
        check_resumable(out)

    def compare_one(at: int, asked: ComparisonRequest) -> Comparison:
        return compare_in(at, asked, None if out is None else out / PART.format(at + 1))

    found = compare_models(request, models, compare_one)
    if out is not None:
        write_models_report(registry, found, out)
    return found


def write_models_report(registry: Registry, found: ModelComparison, folder: Path) -> None:
    """Write report.html into the folder that holds the models' comparisons."""
    write_text_whole(folder / REPORT, models_html(registry, found))


def models_html(registry: Registry, found: ModelComparison) -> str:
    """The report as one file."""
    painter = Painter(registry)
    return render(
        "models.html",
        whole=True,
        title=" beside ".join(found.models),
        verdict=found.sentences(),
        methods=found.methods,
        models=found.models,
        sections=_sections(painter, found),
        legend=legend(painter),
        misleads=misleads(registry, found.methods),
        told=list(dict.fromkeys(note for each in found.comparisons for note in each.notes)),
        comparisons=found.comparisons,
    )


def _sections(painter: Painter, found: ModelComparison) -> Iterator[ModelsSection]:
    for at in range(len(found.comparisons[0].records)):
        sides = [
            section(painter, each, each.records[at], each.cases[at]) for each in found.comparisons
        ]
        answers = tuple(zip(found.models, (each.prediction for each in sides), strict=True))
        yield ModelsSection(sides[0].name, sides[0].photo, answers, tuple(_rows(found, sides)))


def _rows(found: ModelComparison, sides: list[Section]) -> Iterator[Row]:
    for groups in zip(*(each.groups for each in sides), strict=True):
        for at, method in enumerate(found.methods):
            panels = [
                replace(group.panels[at], method=model, summary="")
                for model, group in zip(found.models, groups, strict=True)
            ]
            yield Row(method, groups[0].target, tuple(panels))
