"""`interp compare`: several methods on the same images, in one folder with an HTML report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interp.cli.choice import choices
from interp.cli.flags import (
    BatchSize,
    Classes,
    Data,
    Device,
    First,
    Images,
    Input,
    Json,
    Limit,
    Model,
    Out,
    Precision,
    Registries,
    Seed,
    Targets,
    Until,
    Weights,
    model_options,
    new_name,
)
from interp.cli.output import columns, number, say
from interp.cli.parse import budget
from interp.cli.progress import progress_bar
from interp.errors import InputError

if TYPE_CHECKING:
    from interp.comparison.result import Comparison, Outcome

NAMED = 5
"""Images that are listed one by one."""


def compare_methods(
    plugins: Annotated[
        str, typer.Option("--plugins", metavar="NAME,NAME", help="Methods; see interp list.")
    ],
    image: Images = None,
    data: Data = None,
    model: Model = None,
    target: Targets = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="METHOD.KEY=VALUE", help="A parameter of one method; repeatable."
        ),
    ] = None,
    knowledge: Annotated[
        list[str] | None,
        typer.Option(metavar="METHOD=DIR", help="What a method learned before: interp fit."),
    ] = None,
    weights: Weights = None,
    fields: Input = None,
    classes: Classes = None,
    device: Device = None,
    precision: Precision = None,
    out: Out = None,
    seed: Seed = 0,
    budget_: Limit = None,
    until: Until = "samples",
    batch_size: BatchSize = None,
    limit: First = None,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Explain images by several methods, side by side; saves a folder with report.html.

    The report is one file that opens anywhere: the maps on a shared scale, how far each can be
    trusted, and how far the methods agree. A method that fails says so in its own place. The
    same command goes on where it was stopped.

    \b
    Examples
      interp compare --plugins mint,chip,gradcam
      interp compare --plugins mint,rise --image photo.jpg --target "bull mastiff, not tiger cat"
      interp compare --plugins mint,rise --set mint.regions=2 --budget 1000 --data DIR --limit 20
    """
    from interp.comparison.result import ComparisonRequest
    from interp.registry import Registry
    from interp.report.page import compare_with_report
    from interp.session import Session

    if data is not None and image:
        raise InputError("found both --image and --data; give one of them")
    known = Registry.load(registry or ())
    asked: dict[str, Any] = {"images": image, "model": model, "targets": target}
    request = ComparisonRequest(
        methods=choices(known, "method", plugins, "--set", set_, knowledge),
        options=model_options(weights, fields, classes, device, precision),
        data=data,
        limit=limit,
        seed=seed,
        budget=budget(budget_, batch_size, until),
        **{key: value for key, value in asked.items() if value is not None},
    )
    with progress_bar() as progress:
        place = out or new_name("compare", data or request.images[0])
        found = compare_with_report(request, Session(known, progress=progress), out=place)
    say(json, {"folder": str(found.folder), **found.facts()}, _lines(found))


def _lines(found: Comparison) -> Iterator[str]:
    count = len(found.records)
    images = "1 image" if count == 1 else f"{count} images"
    yield f"{len(found.methods)} methods on {images}, {found.model.name} ({found.model.device})"
    for record in found.records[:NAMED]:
        top = f"{record.prediction.classes[0]} {record.prediction.probabilities[0]:.2g}"
        yield f"{record.name}: {top}; explained: {'; '.join(record.targets)}"
    yield from columns([("method", "samples", "evaluated", "seconds", "R²", ""), *_rows(found)])
    yield from (f"note: {each}" for each in (*found.model.notes, *found.notes))
    yield f"report: {found.folder}/report.html"


def _rows(found: Comparison) -> Iterator[tuple[str, ...]]:
    for at, method in enumerate(found.methods):
        outcomes = [each.outcomes[at] for each in found.records]
        done = [each for each in outcomes if each.error is None]
        fits = [fit for each in done for fit in each.r2.values() if fit is not None]
        yield (
            method,
            str(sum(each.samples for each in done)),
            str(sum(each.evaluated for each in done)),
            f"{sum(each.seconds for each in done):.1f}",
            number(sum(fits) / len(fits)) if fits else "-",
            _failure(outcomes),
        )


def _failure(outcomes: Sequence[Outcome]) -> str:
    failed = [each.error for each in outcomes if each.error is not None]
    if not failed:
        return ""
    return failed[0] if len(outcomes) == 1 else f"failed on {len(failed)}: {failed[0]}"
