"""`interp fit`, `interp merge` and `interp survey`: what a method learns of a model first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interp.cli.evaluate import report_evaluation
from interp.cli.flags import (
    BudgetFlags,
    GlobalFlags,
    KnowledgeFolder,
    LabelledData,
    MethodFlags,
    Model,
    ModelFlags,
    Out,
    Resume,
    Seed,
    Shard,
    new_name,
    output_option,
)
from interp.cli.output import columns
from interp.cli.report import report

if TYPE_CHECKING:
    from interp.knowledge import Knowledge

NewFolder = Annotated[Path, output_option(metavar="DIR", help="Folder to write, new or empty.")]


def fit_method(
    context: typer.Context,
    method: MethodFlags,
    *,
    data: LabelledData,
    model: Model = None,
    opening: ModelFlags,
    work: BudgetFlags,
    shard: Shard = None,
    out: NewFolder,
    _resume: Resume = False,
    flags: GlobalFlags,
) -> None:
    """Let a method learn about a model; saves a folder for --knowledge.

    Every parameter of the method is an option too: interp show NAME lists them. Progress is kept
    beside the folder: the same command with the same --out goes on where it was stopped.

    \b
    Examples
      interp data creatures --out creatures --count 1000
      interp fit --plugin chip --data creatures --layer stage3 --layer stage2 --out known
      interp run --plugin chip --knowledge known --refined
    """
    from interp.request import DEFAULT_MODEL, Request
    from interp.run import fit

    request = Request(
        method=method.plugin,
        model=model or DEFAULT_MODEL,
        options=opening.options(),
        params=method.params(flags.registry, context),
        data=data,
        seed=work.seed,
        budget=work.budget(shard),
    )
    with flags.session() as session:
        knowledge = fit(request, session, out=out)
    _report(knowledge, out, flags)


def merge_parts(
    parts: Annotated[
        list[Path],
        typer.Argument(metavar="PART", help="Folders of interp fit or evaluate with --shard."),
    ],
    *,
    out: NewFolder,
    flags: GlobalFlags,
) -> None:
    """Join the parts that several processes learned or evaluated.

    \b
    Examples
      interp evaluate --shard 0/2 --out part0   (and 1/2, at the same time or elsewhere)
      interp merge part0 part1 --out whole
      interp fit --plugin chip --data creatures --shard 0/2 --out part0   (and 1/2)
      interp merge part0 part1 --out known
    """
    from interp.evaluation.folder import is_evaluation, merge_evaluations
    from interp.run import merge

    if is_evaluation(parts[0]):
        report_evaluation(merge_evaluations(parts, out), out, flags)
    else:
        _report(merge(parts, out, flags.registry), out, flags)


def survey_method(
    context: typer.Context,
    method: MethodFlags,
    *,
    knowledge: KnowledgeFolder = None,
    data: LabelledData,
    model: Model = None,
    opening: ModelFlags,
    seed: Seed = 0,
    out: Out = None,
    flags: GlobalFlags,
) -> None:
    """Show what a method knows about a model's classes; saves a folder.

    The images of --data serve as examples. Every parameter of the method is an option too: interp
    show NAME lists them.

    \b
    Examples
      interp survey --plugin chip --data creatures
    """
    from interp.opening.named import default_model
    from interp.request import Request
    from interp.run import survey

    request = Request(
        method=method.plugin,
        model=model or default_model(flags.registry, method.plugin),
        options=opening.options(),
        images=(),
        params=method.params(flags.registry, context),
        data=data,
        knowledge=knowledge,
        seed=seed,
    )
    with flags.session() as session:
        result = survey(request, session, out=out or new_name(request.method, data))
    report(result, flags)


def _report(knowledge: Knowledge, out: Path, flags: GlobalFlags) -> None:
    """Print what was learned."""
    about = {key: value for key, value in knowledge.about.items() if key != "params"}
    facts = {"knowledge": str(out), "method": knowledge.method, **about}
    flags.say(facts, _lines(knowledge, out))


def _lines(knowledge: Knowledge, out: Path) -> Iterator[str]:
    layers: dict[str, dict[str, Any]] = knowledge.about.get("layers", {})
    if layers:
        first = next(iter(layers.values()))
        names = dict.fromkeys(key for facts in layers.values() for key in facts)
        shown = [key for key in names if not isinstance(first.get(key), dict)]
        rows = [
            [layer, *(str(facts.get(key, "")) for key in shown)] for layer, facts in layers.items()
        ]
        yield from columns([["layer", *shown], *rows])
    yield from (f"note: {each}" for each in knowledge.about.get("notes", []))
    if knowledge.made is not None:
        yield f"model: {out} (open it with --model)"
    yield f"knowledge: {out}"
