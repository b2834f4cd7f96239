"""`interp compare`: several methods on the same images, in one folder with an HTML report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from interp.cli import flags
from interp.cli.column import columns
from interp.cli.output import answer
from interp.errors import PluginError

if TYPE_CHECKING:
    from pathlib import Path

    from interp.comparison.result import Comparison, ComparisonRequest

NAMED = 5
"""Images that are listed one by one."""


def compare_methods(
    methods: flags.Methods,
    images: flags.Images,
    model: flags.Model,
    work: flags.Work,
    workers: flags.Workers,
    *,
    folder: flags.Folder,
    pages: bool = flags.output_option(
        None,
        "Write a page for each image, which the report links to, and not one file that opens "
        "anywhere; for many images.",
        default=False,
    ),
    beside: list[str] | None = flags.option(
        "MODEL",
        "Another model, side by side with --model: the same methods, images and class; what is "
        "said of --model holds for it too. Repeatable.",
    ),
    shell: flags.Shell,
) -> None:
    """Explain images by several methods, side by side, with a report.

    The report, report.html, is one file that opens anywhere, folded by image: the maps on a shared
    scale, how far each can be trusted, everything else that was found, and how far the methods
    agree. A method that fails says so in its own
    place. The same command with the same --out goes on where it was stopped.

    Examples
      interp compare --plugins mint,chip,gradcam
      interp compare --plugins mint,rise --image photo.jpg --target "dog, not cat"
      interp compare --plugins mint,rise --set mint.regions=2 --budget 1000
      interp compare --plugins mint,rise --data photos --limit 20 --out both
      interp compare --plugins mint,rise --data photos --workers 8 --out both
      interp compare --plugins mint --model creatures-resnet --beside net.onnx
    """
    from interp.comparison.result import ComparisonRequest
    from interp.comparison.verdict import verdict_lines
    from interp.report.page import compare_with_report

    request = ComparisonRequest(
        methods=methods.choices(shell.registry),
        model=model.source,
        options=model.options(),
        limit=images.limit,
        seed=work.seed,
        budget=work.budget(),
        **images.given(),
    )
    place = folder.place("compare", request.data or request.images[0])
    if beside:
        _compare_models(request, beside, place, work, workers, shell)
        return
    with shell.session(any_time=work.yes, pool=workers.pool()) as session:
        found = compare_with_report(request, session, out=place, pages=pages)
    said = verdict_lines(found)
    shell.say({"folder": str(found.folder), "verdict": said, **found.facts()}, _lines(found, said))
    _check_answers([found])


def _compare_models(
    request: ComparisonRequest,
    beside: Sequence[str],
    place: Path,
    work: flags.Work,
    workers: flags.Workers,
    shell: flags.Shell,
) -> None:
    """The same methods on several models, with one report."""
    from interp.comparison.compare import compare
    from interp.comparison.models import check_targets
    from interp.report.models_page import compare_models_with_report

    models = [request.model, *beside]
    with shell.session(any_time=work.yes, pool=workers.pool()) as session:
        opened = [session.open_model(each, request.options) for each in models]
        check_targets(request.targets, opened)
        found = compare_models_with_report(
            request,
            models,
            lambda at, asked, out: compare(asked, replace(session, model=opened[at]), out=out),
            session.registry,
            place,
        )
    lines = [*found.sentences(), f"report: {place}/report.html"]
    shell.say({"folder": str(place), **found.facts()}, lines)
    _check_answers(found.comparisons)


def _check_answers(found: Sequence[Comparison]) -> None:
    """Raise PluginError where no method answered on any image."""
    errors = [each.error for one in found for record in one.records for each in record.outcomes]
    if all(errors):
        raise PluginError(f"every method failed on every image; the first: {errors[0]}")


def _lines(found: Comparison, said: Sequence[str]) -> Iterator[str]:
    count = len(found.records)
    images = "1 image" if count == 1 else f"{count} images"
    methods = "1 method" if len(found.methods) == 1 else f"{len(found.methods)} methods"
    yield f"{methods} on {images}, {found.model.name} ({found.model.device})"
    for record in found.records[:NAMED]:
        yield f"{answer(record.name, record.prediction, 1)}; explained: {'; '.join(record.targets)}"
    yield from said
    sums = ("samples", "evaluated", "seconds")
    heads: tuple[str, ...] = ("method", *sums, "R²", "")
    if count > 1:
        heads = ("method", *(f"{each} in all" for each in sums), "mean R²", "")
    yield from columns([heads, *_rows(found)])
    yield from (f"note: {each}" for each in dict.fromkeys((*found.model.notes, *found.notes)))
    yield f"report: {found.folder}/report.html"


def _rows(found: Comparison) -> Iterator[tuple[str, ...]]:
    from interp.evidence import marked_fit

    for at, method in enumerate(found.methods):
        outcomes = [each.outcomes[at] for each in found.records]
        done = [each for each in outcomes if each.error is None]
        fits = [fit for each in done for fit in each.r2.values() if fit is not None]
        yield (
            method,
            str(sum(each.samples for each in done)),
            str(sum(each.evaluated for each in done)),
            f"{sum(each.seconds for each in done):.1f}",
            marked_fit(sum(fits) / len(fits)).removeprefix("R² ") if fits else "-",
            _failure([each.error for each in outcomes]),
        )


def _failure(errors: Sequence[str | None]) -> str:
    failed = [each for each in errors if each is not None]
    count = f"failed on {len(failed)}: " if len(errors) > 1 else ""
    return f"{count}{failed[0]}" if failed else ""
