"""`interp fit` and `interp merge`: what a method learns about a model first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from interp.cli import flags, parse
from interp.cli.column import columns
from interp.cli.evaluate import report_evaluation
from interp.request import Request

if TYPE_CHECKING:
    from interp.knowledge import Knowledge


def fit_method(
    context: typer.Context,
    method: flags.Method,
    *,
    data: str = flags.LABELLED_DATA,
    model: flags.Model,
    work: flags.Work,
    shard: str | None = flags.SHARD,
    workers: flags.Workers,
    out: Path = flags.REQUIRED_OUT,
    _resume: bool = flags.RESUME,
    shell: flags.Shell,
) -> None:
    """Let a method learn what it needs to know about a model.

    Saves a folder for --knowledge. Every parameter of the method is an option too: interp show
    NAME lists them. Progress is kept beside the folder: the same command with the same --out goes
    on where it was stopped.

    Examples
      interp data creatures --out creatures --count 1000
      interp fit --plugin chip --data creatures --layer stage3 --out known
      interp fit --plugin chip --data creatures --workers 8 --out shared
      interp run --plugin chip --knowledge known --refined
    """
    from interp.run import fit

    request = Request(
        method=method.plugin,
        model=model.source,
        options=model.options(),
        params=parse.parameters(shell.registry, method.plugin, method.set_, context),
        data=data,
        seed=work.seed,
        budget=work.budget(shard),
    )
    with shell.session(any_time=work.yes, pool=workers.pool()) as session:
        opened = session.open_model(request.model, request.options)
        knowledge = fit(request, replace(session, model=opened), out=out)
    _report(knowledge, out, shell, opened.spec.notes)


def merge_parts(
    parts: list[Path] = flags.argument("PART", "Folders of interp fit or evaluate with --shard."),
    *,
    out: Path = flags.REQUIRED_OUT,
    shell: flags.Shell,
) -> None:
    """Join the parts that several processes learned or evaluated.

    Examples
      interp evaluate --shard 0/2 --out part0
      interp evaluate --shard 1/2 --out part1
      interp merge part0 part1 --out whole
      interp fit --plugin chip --data creatures --shard 0/2 --out known0
      interp fit --plugin chip --data creatures --shard 1/2 --out known1
      interp merge known0 known1 --out known
    """
    from interp.evaluation.folder import is_evaluation
    from interp.report.evaluation_page import merge_with_report
    from interp.run import merge

    if is_evaluation(parts[0]):
        report_evaluation(merge_with_report(parts, out, shell.registry), out, shell)
    else:
        _report(merge(parts, out, shell.registry), out, shell)


def _report(
    knowledge: Knowledge, out: Path, shell: flags.Shell, assumed: Sequence[str] = ()
) -> None:
    """Print what was learned, and what was `assumed` about the model."""
    about = {key: value for key, value in knowledge.about.items() if key != "params"}
    about["notes"] = [*assumed, *about.get("notes", [])]
    facts = {"knowledge": str(out), "method": knowledge.method, **about}
    shell.say(facts, _lines(knowledge, out, about["notes"]))


def _lines(knowledge: Knowledge, out: Path, notes: Sequence[str]) -> Iterator[str]:
    yield from columns(knowledge.by_layer())
    yield from (f"note: {each}" for each in notes)
    if knowledge.made is not None:
        yield f"model: {out} (open it with --model)"
    yield f"knowledge: {out}"
