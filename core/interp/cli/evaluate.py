"""`interp evaluate`: methods against metrics over a data set, as a table."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interp.cli.choice import choices
from interp.cli.flags import (
    BatchSize,
    Classes,
    Device,
    Input,
    Json,
    Limit,
    Model,
    Precision,
    Registries,
    Seed,
    Weights,
    model_options,
    new_name,
)
from interp.cli.output import columns, say
from interp.cli.parse import budget, shard
from interp.cli.progress import progress_bar
from interp.errors import InputError

if TYPE_CHECKING:
    from interp.evaluation.result import Evaluation

METHODS = "mint,rise,lime,occlusion,gradcam,score-cam,integrated-gradients,chip"
"""What is compared where nothing is named: works on the shipped networks without set-up."""
FOLDER = Path("interp-runs")

Settings = list[str] | None


def evaluate_request(
    plugins: Annotated[
        str, typer.Option(metavar="NAMES", help="Methods, by commas; see interp list.")
    ] = METHODS,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="By commas; see interp list. [default: all that the data allow]"
        ),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            metavar="DIR|NAME",
            help="One folder per class, images/ with annotations.json, or a registered data set.",
        ),
    ] = "creatures",
    model: Model = None,
    target: Annotated[
        Literal["true", "predicted"],
        typer.Option(help="Explain each image's class, or the model's first answer."),
    ] = "true",
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Images: always the same choice. [default: all]"),
    ] = None,
    set_: Annotated[
        Settings,
        typer.Option(
            "--set", metavar="METHOD.KEY=VALUE", help="A parameter of a method; repeatable."
        ),
    ] = None,
    metric_set: Annotated[
        Settings,
        typer.Option(metavar="METRIC.KEY=VALUE", help="A parameter of a metric; repeatable."),
    ] = None,
    knowledge: Annotated[
        Settings,
        typer.Option(metavar="METHOD=DIR", help="What a method learned: interp fit; repeatable."),
    ] = None,
    baselines: Annotated[
        bool, typer.Option(help="Add maps that see no model: random, centre, edges.")
    ] = True,
    sample_budget: Limit = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help=f"A new folder. [default: {FOLDER}/TIME-...]")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from where an interrupted run with --out was.")
    ] = False,
    part: Annotated[
        str | None, typer.Option("--shard", metavar="I/N", help="Part I of N, for interp merge.")
    ] = None,
    weights: Weights = None,
    fields: Input = None,
    classes: Classes = None,
    device: Device = None,
    precision: Precision = None,
    seed: Seed = 0,
    batch_size: BatchSize = None,
    registry: Registries = None,
    json: Json = False,
) -> None:
    """Measure how good methods' maps are, over many images; saves a folder.

    Every mean comes with its 95 % interval, beside maps that see no model. In the table an arrow
    shows which way is better and a star marks the best. Each image is kept as it is done, so a
    run that was stopped goes on with --resume. interp show METRIC says what a metric does and
    which parameters it has.

    \b
    Examples
      interp evaluate --limit 10
      interp evaluate --plugins mint,rise --metrics deletion,energy-parts --budget 1000 --out first
      interp evaluate --data photos --model torchvision:resnet50 --target predicted
      interp evaluate --set mint.samples=500 --metric-set deletion.steps=50
      interp evaluate --shard 0/2 --out part0; interp merge part0 part1 --out whole
    """
    from interp.evaluation.evaluate import all_metrics, evaluate
    from interp.evaluation.request import BASELINES, EvaluationRequest
    from interp.registry import Registry
    from interp.request import DEFAULT_MODEL
    from interp.session import Session

    if resume and out is None:
        raise InputError("--resume goes on with a run of yours; name its folder with --out")
    known = Registry.load(registry or ())
    measured = metrics or ",".join(each.name for each in all_metrics(known))
    request = EvaluationRequest(
        methods=choices(known, "method", plugins, "--set", set_, knowledge),
        metrics=choices(known, "metric", measured, "--metric-set", metric_set),
        baselines=BASELINES if baselines else (),
        model=model or DEFAULT_MODEL,
        options=model_options(weights, fields, classes, device, precision),
        data=data,
        target=target,
        limit=limit,
        shard=shard(part),
        seed=seed,
        budget=budget(sample_budget, batch_size),
    )
    folder = out or new_name("evaluation", data)
    with progress_bar() as progress:
        found = evaluate(
            request,
            Session(known, progress=progress),
            out=folder,
            on_message=lambda line: typer.echo(line, err=True),
        )
    report_evaluation(found, folder, json)


def report_evaluation(found: Evaluation, folder: Path, as_json: bool) -> None:
    """Print the table, or all of it as JSON but the single images."""
    facts = {key: value for key, value in found.plain().items() if key != "records"}
    say(as_json, {"evaluation": str(folder), **facts}, _lines(found, folder))


def _lines(found: Evaluation, folder: Path) -> Iterator[str]:
    from interp.evaluation.table import headings, words

    yield (
        f"{len(found.records)} images, {found.model.name} ({found.model.device}), "
        f"{found.request.target} class, seed {found.request.seed}; "
        "mean [95 % interval], * best"
    )
    rows = [["", *headings(found)], *([each, *words(found, each)] for each in found.methods)]
    for table in _folded(rows, shutil.get_terminal_size((100, 24)).columns):
        lines = columns(table)
        plain = len(lines) - len(found.baselines)
        yield from lines[:plain]
        yield from (typer.style(line, dim=True) for line in lines[plain:])
        yield ""
    if found.baselines:
        yield f"see no model: {', '.join(found.baselines)}"
    yield from (f"note: {each}" for each in found.notes())
    yield f"evaluation: {folder}"


def _folded(rows: Sequence[Sequence[str]], width: int) -> Iterator[list[list[str]]]:
    """The table cut into tables no wider than `width`, each with the first column."""
    sizes = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    first, begin, used = sizes[0], 1, sizes[0]
    for at in range(1, len(sizes)):
        if used + sizes[at] > width and at > begin:
            yield [[row[0], *row[begin:at]] for row in rows]
            begin, used = at, first
        used += sizes[at]
    yield [[row[0], *row[begin:]] for row in rows]
