"""The report of an evaluation: one file with its result in words, tables, plots and failures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from interp.evaluation.evaluate import evaluate
from interp.evaluation.folder import merge_evaluations
from interp.evaluation.plot import draw_metric
from interp.evaluation.request import EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.evaluation.table import STARS, headings, words
from interp.evaluation.verdict import failures, rank_words, verdict_lines
from interp.registry import Registry
from interp.report.caution import misleads
from interp.report.command import evaluate_command
from interp.report.page import render
from interp.report.picture import Picture, picture
from interp.result.bundle import circumstances
from interp.session import Session


def evaluate_with_report(
    request: EvaluationRequest, session: Session, *, out: str | Path | None, **options: Any
) -> Evaluation:
    """`evaluate`, and with `out` report.html in that folder; `options` are those of evaluate."""
    report = partial(evaluation_html, session.registry)
    return evaluate(request, session, out=out, report=report, **options)


def merge_with_report(parts: list[Path], out: Path, registry: Registry) -> Evaluation:
    """`merge_evaluations`, with report.html in the folder that it writes."""
    return merge_evaluations(parts, out, registry, partial(evaluation_html, registry))


def evaluation_html(registry: Registry, found: Evaluation) -> str:
    """The report of an evaluation, a whole page."""
    summaries = {each.name: each.summary for each in registry.entries("metric")}
    return render(
        "evaluation.html",
        whole=True,
        title=f"{len(found.methods)} methods on {len(found.records)} images",
        found=found,
        model=found.model,
        verdict=verdict_lines(found),
        heads=headings(found),
        rows={name: words(found, name) for name in found.methods},
        ranks={
            name: [rank_words(found.ranks[metric].get(name)) for metric in found.metrics]
            for name in found.methods
        },
        stars=STARS,
        plots=[_plot(found, metric) for metric in found.metrics],
        metrics={
            name: (summaries.get(name, ""), found.metric_specs[name].unit) for name in found.metrics
        },
        failures=failures(found),
        misleads=misleads(registry, [each.name for each in found.request.methods]),
        command=evaluate_command(found.request, registry.extra),
        about=circumstances(),
    )


def _plot(found: Evaluation, metric: str) -> Picture:
    """The means of one metric: several in one picture would be too small on a phone."""
    return picture(*draw_metric(found, metric))
