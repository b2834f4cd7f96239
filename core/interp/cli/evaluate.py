"""`interp evaluate`: methods against metrics over a data set, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from interp.cli import flags, parse
from interp.cli.column import columns
from interp.evaluation.request import EvaluationRequest
from interp.plain_text import terminal
from interp.request import BASELINES
from interp.short import listed

if TYPE_CHECKING:
    from interp.evaluation.result import Evaluation
    from interp.evaluation.verdict import Failure


ROWS = 10
"""Methods and reasons of failures that are listed."""
NAMED = 3
"""Images that are named of those on which a method failed for one reason."""
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
    workers: flags.Workers,
    folder: flags.Folder,
    shell: flags.Shell,
) -> None:
    """Measure how good methods' maps are, over many images.

    Saves a folder with tables and a report, report.html, and says the result in words. Every mean
    comes with its 95 % confidence interval, and every method with the ranks that it may have,
    beside maps that see no model; an arrow shows which way is better, and stars mark the best.
    Each image is kept as it is done: the same command with the same --out goes on where it was
    stopped. What a metric does, and its parameters: interp show METRIC.

    Examples
      interp evaluate --limit 10
      interp evaluate --plugins mint,rise --metrics deletion --out first
      interp evaluate --data photos --model file.onnx --target predicted
      interp evaluate --set mint.samples=500 --metric-set deletion.steps=50
      interp evaluate --workers 8 --out whole
      interp evaluate --shard 0/2 --out part0
      interp evaluate --shard 1/2 --out part1
      interp merge part0 part1 --out whole
    """
    from interp.evaluation.evaluate import all_metrics
    from interp.report.evaluation_page import evaluate_with_report

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
    with shell.session(any_time=yes, pool=workers.pool()) as session:
        found = evaluate_with_report(
            request,
            session,
            out=place,
            on_message=lambda line: typer.echo(terminal(line), err=True),
        )
    report_evaluation(found, place, shell)


def report_evaluation(found: Evaluation, folder: Path, shell: flags.Shell) -> None:
    """Print the result in words and tables; as JSON everything except the single images."""
    from interp.evaluation.verdict import failures, verdict_lines

    said = verdict_lines(found)
    facts = {key: value for key, value in found.plain().items() if key != "records"}
    failed = [asdict(each) for each in failures(found)]
    more = {"verdict": said, "ranks": found.ranks, "failures": failed}
    shell.say({"evaluation": str(folder), **more, **facts}, _lines(found, folder, said))


def _lines(found: Evaluation, folder: Path, said: Sequence[str]) -> Iterator[str]:
    from interp.evaluation.table import STARS, headings, words
    from interp.evaluation.verdict import failures, rank_words

    yield (
        f"{len(found.records)} images, {found.model.name} ({found.model.device}), "
        f"{found.request.target} class, seed {found.request.seed}"
    )
    yield from said
    yield f"mean [95 % interval], {STARS}."
    rows = [["", *headings(found)], *([each, *words(found, each)] for each in found.methods)]
    yield from columns(rows)
    yield "ranks that each may have; lower is better"
    cells = {
        name: [rank_words(found.ranks[each].get(name)) for each in found.metrics]
        for name in found.methods
    }
    yield from columns([["", *found.metrics], *([name, *row] for name, row in cells.items())])
    if found.baselines:
        yield f"baselines, which see no model: {', '.join(found.baselines)}"
    yield from (f"note: {each}" for each in found.notes())
    if failed := _failed(failures(found)):
        yield "failed"
        yield from columns(failed[:ROWS])
        if len(failed) > ROWS:
            yield f"  ... and {len(failed) - ROWS} more reasons, all of them in the report"
    yield f"report: {folder}/report.html"
    yield f"evaluation: {folder}"


def _failed(failed: Sequence[Failure]) -> list[tuple[str, str]]:
    """A row for each method and reason: in what it failed on which images, and why."""
    images: dict[tuple[str, str, str], list[str]] = {}
    for each in failed:
        images.setdefault((each.method, each.what, each.reason), []).append(each.image)
    return [
        (method, f"{what} on {listed(names, NAMED)}: {reason}")
        for (method, what, reason), names in images.items()
    ]
