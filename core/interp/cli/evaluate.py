"""`interp evaluate`: methods against metrics over a data set, as a table."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from interp.cli import flags, parse
from interp.cli.output import columns
from interp.evaluation.request import EvaluationRequest
from interp.plain_text import terminal
from interp.request import BASELINES

if TYPE_CHECKING:
    from interp.evaluation.result import Evaluation


METHODS = "mint,rise,lime,occlusion,gradcam,score-cam,integrated-gradients,chip"
"""What is evaluated by default: methods that need no set-up on the shipped networks."""


@dataclass(frozen=True)
class Evaluated(flags.Methods):
    """The methods that are evaluated."""

    plugins: str = flags.methods_named(default=METHODS)


def evaluate_methods(
    methods: Evaluated,
    *,
    metrics: str | None = flags.metric_option(
        "NAME,...",
        "The metrics, separated by commas; see interp list. [default: interp's own, as far as the "
        "data allow]",
    ),
    metric_set: list[str] | None = flags.metric_option(
        "METRIC.KEY=VALUE", "Set a parameter of a metric; repeatable."
    ),
    baselines: bool = flags.metric_option(
        None, "Add maps that see no model: random, centre, edges.", default=True
    ),
    data: str = flags.EVALUATED_DATA,
    limit: int | None = flags.image_option(
        "N", "Use N of the images, always the same ones. [default: all]", least=1
    ),
    target: Literal["true", "predicted"] = flags.EVALUATED_CLASS,
    model: flags.Model,
    amount: str | None = flags.AMOUNT,
    batch_size: int | None = flags.BATCH_SIZE,
    seed: int = flags.SEED,
    yes: bool = flags.YES,
    shard: str | None = flags.SHARD,
    folder: flags.Folder,
    shell: flags.Shell,
) -> None:
    """Measure how good methods' maps are, over many images.

    Saves a folder with the table. Every mean comes with its 95 % confidence interval, beside maps
    that see no model; an arrow shows which way is better and a star marks the best. Each image is
    kept as it is done: the same command with the same --out goes on where it was stopped. What a
    metric does, and its parameters: interp show METRIC.

    Examples
      interp evaluate --limit 10
      interp evaluate --plugins mint,rise --metrics deletion --out first
      interp evaluate --data photos --model file.onnx --target predicted
      interp evaluate --set mint.samples=500 --metric-set deletion.steps=50
      interp evaluate --shard 0/2 --out part0
      interp evaluate --shard 1/2 --out part1
      interp merge part0 part1 --out whole
    """
    from interp.evaluation.evaluate import all_metrics, evaluate

    place = folder.place("evaluation", data)
    known = shell.registry
    measured = metrics or ",".join(each.name for each in all_metrics(known))
    request = EvaluationRequest(
        methods=methods.choices(known),
        metrics=parse.choices(known, "metric", measured, "--metric-set", metric_set),
        baselines=BASELINES if baselines else (),
        model=model.source,
        options=model.options(),
        data=data,
        target=target,
        limit=limit,
        shard=parse.shard(shard),
        seed=seed,
        budget=parse.budget(amount, batch_size),
    )
    with shell.session(any_time=yes) as session:
        found = evaluate(
            request,
            session,
            out=place,
            on_message=lambda line: typer.echo(terminal(line), err=True),
        )
    report_evaluation(found, place, shell)


def report_evaluation(found: Evaluation, folder: Path, shell: flags.Shell) -> None:
    """Print the table; as JSON everything except the single images."""
    facts = {key: value for key, value in found.plain().items() if key != "records"}
    shell.say({"evaluation": str(folder), **facts}, _lines(found, folder))


def _lines(found: Evaluation, folder: Path) -> Iterator[str]:
    from interp.evaluation.table import STARS, headings, words

    yield (
        f"{len(found.records)} images, {found.model.name} ({found.model.device}), "
        f"{found.request.target} class, seed {found.request.seed}; "
        f"mean [95 % interval], {STARS}"
    )
    rows = [["", *headings(found)], *([each, *words(found, each)] for each in found.methods)]
    for table in _folded(rows, shutil.get_terminal_size((100, 24)).columns):
        lines = columns(table)
        plain = len(lines) - len(found.baselines)
        yield from lines[:plain]
        yield from (typer.style(line, dim=True) for line in lines[plain:])
        yield ""
    if found.baselines:
        yield f"baselines, which see no model: {', '.join(found.baselines)}"
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
