"""`interp fit`, `interp merge` and `interp survey`: what a method learns of a model first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interp.cli.evaluate import report_evaluation
from interp.cli.extra import own_flags, parameters
from interp.cli.flags import (
    BatchSize,
    Classes,
    Device,
    Input,
    Json,
    Known,
    Limit,
    Model,
    Plugin,
    Precision,
    Registries,
    Seed,
    Set,
    Until,
    Weights,
    default_model,
    model_options,
    new_name,
)
from interp.cli.output import columns, say
from interp.cli.parse import budget, shard
from interp.cli.progress import progress_bar
from interp.cli.report import report

if TYPE_CHECKING:
    from interp.knowledge import Knowledge

Data = Annotated[
    str,
    typer.Option(metavar="DIR", help="One folder per class, or images/ with annotations.json."),
]
Out = Annotated[Path, typer.Option(metavar="DIR", help="A new folder for what is learned.")]


def fit_request(
    context: typer.Context,
    plugin: Plugin,
    data: Data,
    out: Out,
    model: Model = None,
    set_: Set = None,
    weights: Weights = None,
    fields: Input = None,
    classes: Classes = None,
    device: Device = None,
    precision: Precision = None,
    seed: Seed = 0,
    limit: Limit = None,
    until: Until = "samples",
    part: Annotated[
        str | None, typer.Option("--shard", metavar="I/N", help="Part I of N, for interp merge.")
    ] = None,
    batch_size: BatchSize = None,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Let a method learn what it needs of a model; saves a folder for --knowledge.

    Progress is kept beside the folder: the same command goes on where a killed one was. Every
    parameter of the method is an option too: interp show NAME lists them.

    \b
    Examples
      interp data creatures --out creatures --count 1000
      interp fit --plugin chip --data creatures --layer stage3 --layer stage2 --out known
      interp run --plugin chip --knowledge known --refined
    """
    from interp.registry import Registry
    from interp.request import DEFAULT_MODEL, Request
    from interp.run import fit
    from interp.session import Session

    known = Registry.load(registry or ())
    request = Request(
        method=plugin,
        model=model or DEFAULT_MODEL,
        options=model_options(weights, fields, classes, device, precision),
        params=parameters(known, plugin, set_ or (), context.args, own_flags(context)),
        data=data,
        seed=seed,
        budget=budget(limit, batch_size, until).model_copy(update={"shard": shard(part)}),
    )
    with progress_bar() as progress:
        learned = fit(request, Session(known, progress=progress), out=out)
    say(json, _facts(learned, out), _lines(learned, out))


def merge_parts(
    parts: Annotated[
        list[Path], typer.Argument(metavar="PART...", help="Folders of fit or evaluate --shard.")
    ],
    out: Out,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Join the parts of what several processes learned or evaluated.

    \b
    Examples
      interp evaluate --shard 0/2 --out part0    (and 1/2, at the same time or elsewhere)
      interp merge part0 part1 --out whole

      interp fit --plugin chip --data creatures --shard 0/2 --out part0
      interp fit --plugin chip --data creatures --shard 1/2 --out part1
      interp merge part0 part1 --out known
    """
    from interp.evaluation.folder import is_evaluation, merge_evaluations
    from interp.registry import Registry
    from interp.run import merge

    if is_evaluation(parts[0]):
        report_evaluation(merge_evaluations(parts, out), out, json)
        return
    learned = merge(parts, out, Registry.load(registry or ()))
    say(json, _facts(learned, out), _lines(learned, out))


def survey_request(
    context: typer.Context,
    plugin: Plugin,
    data: Data,
    knowledge: Known = None,
    model: Model = None,
    set_: Set = None,
    weights: Weights = None,
    fields: Input = None,
    classes: Classes = None,
    device: Device = None,
    precision: Precision = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="A new folder.")] = None,
    seed: Seed = 0,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Show what a method knows of a model's classes, with examples from a folder of images.

    \b
    Examples
      interp survey --plugin chip --data creatures
    """
    from interp.registry import Registry
    from interp.request import Request
    from interp.run import survey
    from interp.session import Session

    known = Registry.load(registry or ())
    request = Request(
        method=plugin,
        model=model or default_model(known, plugin),
        options=model_options(weights, fields, classes, device, precision),
        images=(),
        params=parameters(known, plugin, set_ or (), context.args, own_flags(context)),
        data=data,
        knowledge=knowledge,
        seed=seed,
    )
    with progress_bar() as progress:
        place = out or new_name(request.method, request.data or "none")
        result = survey(request, Session(known, progress=progress), out=place)
    report(result, json)


def _facts(learned: Knowledge, out: Path) -> dict[str, Any]:
    about = {key: value for key, value in learned.about.items() if key != "params"}
    return {"knowledge": str(out), "method": learned.method, **about}


def _lines(learned: Knowledge, out: Path) -> Iterator[str]:
    about = learned.about
    layers: dict[str, dict[str, Any]] = about.get("layers", {})
    names = list(dict.fromkeys(key for facts in layers.values() for key in facts))
    shown = [key for key in names if not isinstance(next(iter(layers.values())).get(key), dict)]
    if layers:
        rows = [
            [layer, *(str(facts.get(key, "")) for key in shown)] for layer, facts in layers.items()
        ]
        yield from columns([["layer", *shown], *rows])
    yield from (f"note: {each}" for each in about.get("notes", []))
    if learned.made is not None:
        yield f"model: {out} (open it with --model)"
    yield f"knowledge: {out}"
