"""`interp suggest`: which methods suit a model and an image, at what cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from interp.cli import flags
from interp.cli.column import columns
from interp.errors import InputError
from interp.request import SAMPLE_IMAGE

if TYPE_CHECKING:
    from interp.comparison.result import Comparison
    from interp.suggestion.suggest import Suggestion


def suggest_methods(
    *,
    image: str | None = flags.image_option(
        "IMAGE", "The image file, or the name of a registered sample. [default: sample]"
    ),
    target: list[str] | None = flags.TARGET,
    question: str = flags.method_option(
        "QUESTION",
        "What the methods should answer: where, channels, parts, concepts, or another answer that "
        "interp show METHOD names.",
        default="where",
    ),
    evaluation: list[Path] | None = flags.method_option(
        "DIR",
        "A folder that interp evaluate wrote, to go by; repeatable. [default: what is shipped]",
    ),
    model: flags.Model,
    seconds: float = flags.work_option(
        "S", "Longest time that a method may take for an image.", least=0.1, default=60.0
    ),
    seed: int = flags.SEED,
    run: bool = flags.output_option(
        None, "Also run the recommended methods, as interp compare does.", "--run", default=False
    ),
    out: Path | None = flags.output_option(
        "DIR", f"Folder that --run writes, new or empty. [default: {flags.FOLDER}/TIME-...]"
    ),
    shell: flags.Shell,
) -> None:
    """Recommend three methods for a model and an image, and say why.

    Tries each method that answers the question for a few seconds, and lists what the whole would
    take, what the method promises where the right answer is known (interp check holds it to that),
    and how often evaluations found it better than maps that see no model. The recommended three
    look at the model in different ways where they can: what they agree on tells more.

    Examples
      interp suggest
      interp suggest --model torchvision:resnet50 --image photo.jpg --seconds 20
      interp suggest --question "which channels" --run --out first
    """
    from interp.report.page import compare_with_report
    from interp.suggestion.suggest import SuggestionRequest, suggest

    if out is not None and not run:
        raise InputError("found --out without --run, so nothing would be written; add --run")
    request = SuggestionRequest(
        model=model.source,
        options=model.options(),
        image=image or SAMPLE_IMAGE,
        targets=tuple(target or ()),
        question=question,
        seconds=seconds,
        evaluations=tuple(map(str, evaluation or ())),
        seed=seed,
    )
    place = flags.Folder(out, False).place("suggested", request.image)
    with shell.session() as opened:
        session = replace(opened, model=opened.open_model(request.model, request.options))
        found = suggest(request, session)
        shown = compare_with_report(found.comparison(), session, out=place) if run else None
    facts = found.plain() if shown is None else {**found.plain(), "folder": str(shown.folder)}
    shell.say(facts, _lines(found, shown))


def _lines(found: Suggestion, shown: Comparison | None) -> Iterator[str]:
    """The table, the recommended methods with their reasons, and how to run them."""
    from interp.comparison.verdict import verdict_lines
    from interp.report.command import command

    yield f"{found.request.image}, {found.model.name} ({found.model.device})"
    can = [each for each in found.methods if each.cost.seconds is not None]
    rows = [each.words for each in can]
    yield from columns([*map(tuple, rows[:1]), *(tuple(each.values()) for each in rows)])
    refused = [each for each in found.methods if each.cost.refusal is not None]
    if refused:
        yield "cannot be run"
        yield from columns([(each.name, str(each.cost.refusal)) for each in refused])
    yield "recommended" if found.chosen else _nothing(found)
    yield from columns(found.chosen.items())
    if shown is not None:
        yield from verdict_lines(shown)
        yield f"report: {shown.folder}/report.html"
    elif found.chosen:
        yield f"run them: {command(found.comparison())}"


def _nothing(found: Suggestion) -> str:
    return (
        f"no method answers {found.request.question!r} on this model within "
        f"{found.request.seconds:g} s; allow more with --seconds"
    )
