"""`interp evaluate`: methods against metrics over a data set, as a table."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

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
)
from interp.cli.progress import progress_bar
from interp.cli.screen import columns, say
from interp.cli.setting import budget, settings, shard
from interp.errors import InputError, nearest

if TYPE_CHECKING:
    from interp.evaluate_request import Choice
    from interp.evaluation import Evaluation

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
    from interp.evaluate import all_metrics, evaluate
    from interp.evaluate_request import BASELINES, EvaluationRequest
    from interp.registry import Registry
    from interp.request import DEFAULT_MODEL

    if resume and out is None:
        raise InputError("--resume goes on with a run of yours; name its folder with --out")
    known = Registry.load(registry or ())
    measured = metrics or ",".join(each.name for each in all_metrics(known))
    request = EvaluationRequest(
        methods=_choices(known, "method", plugins, "--set", set_, knowledge),
        metrics=_choices(known, "metric", measured, "--metric-set", metric_set),
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
    folder = out or _new_name()
    with progress_bar() as progress:
        found = evaluate(
            request,
            registry=known,
            out=folder,
            resume=resume,
            progress=progress,
            tell=lambda line: typer.echo(line, err=True),
        )
    report_evaluation(found, folder, json)


def report_evaluation(found: Evaluation, folder: Path, as_json: bool) -> None:
    """Print the table, or all of it as JSON but the single images."""
    facts = {key: value for key, value in found.plain().items() if key != "records"}
    say(as_json, {"evaluation": str(folder), **facts}, _lines(found, folder))


def _lines(found: Evaluation, folder: Path) -> Iterator[str]:
    from interp.evaluate_table import headings, words

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


def _choices(
    registry: Any,
    kind: str,
    names: str,
    flag: str,
    set_: Sequence[str] | None,
    knowledge: Sequence[str] | None = None,
) -> tuple[Choice, ...]:
    """Names by commas, with what the flags say of each one's parameters and knowledge."""
    from interp.evaluate_request import Choice

    listed = [name.strip() for name in names.split(",") if name.strip()]
    for name in listed:
        registry.entry(kind, name)
    params = _by_name(flag, set_, listed)
    known = {name: str(value) for name, value in settings(knowledge or ()).items()}
    for name in known:
        _named("--knowledge", name, listed)
    return tuple(
        Choice(name=name, params=params.get(name, {}), knowledge=known.get(name)) for name in listed
    )


def _by_name(
    flag: str, texts: Sequence[str] | None, listed: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """`["mint.samples=5"]` as {"mint": {"samples": 5}}."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in settings(texts or ()).items():
        name, dot, parameter = key.rpartition(".")
        if not dot:
            raise InputError(f"{flag} {key}=...: expected NAME.KEY=VALUE, e.g. mint.samples=500")
        _named(flag, name, listed)
        found.setdefault(name, {})[parameter] = value
    return found


def _named(flag: str, name: str, listed: Sequence[str]) -> None:
    if name not in listed:
        raise InputError(f"{flag} {name}: not among the names given; {nearest(name, listed)}")


def _new_name() -> Path:
    """A new folder named after the time."""
    name = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-evaluation"
    numbered = (FOLDER / (f"{name}-{count}" if count else name) for count in range(1000))
    return next(each for each in numbered if not each.exists())
