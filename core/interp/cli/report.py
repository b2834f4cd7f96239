"""What a finished run prints: model, prediction, samples, scores, pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from interp.cli.output import answer, columns, number

if TYPE_CHECKING:
    from interp.cli.flags import Shell
    from interp.explanation import Explanation, Provenance
    from interp.run import Result


def report(result: Result, shell: Shell) -> None:
    """Print the result of a run or a survey."""
    made = result.explanation.provenance
    assert made is not None  # noqa: S101 - run always fills it
    shell.say(_facts(result, made), _lines(result, made))


def _facts(result: Result, made: Provenance) -> dict[str, Any]:
    return {
        "bundle": str(result.bundle),
        "method": made.method,
        "model": made.model.name,
        "device": made.model.device,
        "targets": list(made.targets),
        "samples": result.explanation.samples,
        "seconds": made.seconds,
        "seed": made.seed,
        "scores": result.explanation.scores,
        "notes": _notes(result.explanation, made),
        "predictions": [
            {"image": name, **asdict(each)}
            for name, each in zip(made.image_names, made.predictions, strict=True)
        ],
        "pictures": [str(each) for each in result.pictures],
    }


def _notes(explanation: Explanation, made: Provenance) -> list[str]:
    return [*made.model.notes, *explanation.notes]


def _lines(result: Result, made: Provenance) -> Iterator[str]:
    explanation = result.explanation
    model, work = made.model, f"{explanation.samples} samples in {made.seconds:.1f} s"
    yield f"{made.method} on {model.name} ({model.device}): {work}, seed {made.seed}"
    yield from (
        answer(name, each) for name, each in zip(made.image_names, made.predictions, strict=True)
    )
    yield from score_table(explanation.scores)
    yield from (f"note: {each}" for each in _notes(explanation, made))
    yield from map(str, result.pictures)
    yield f"bundle: {result.bundle}"


def score_table(scores: dict[str, Any]) -> Iterator[str]:
    """Scores by target, one target to a column; what is no target's, one to a line."""
    shared = {key: value for key, value in scores.items() if not isinstance(value, dict)}
    grouped = {key: value for key, value in scores.items() if isinstance(value, dict)}
    names = list(dict.fromkeys(name for each in grouped.values() for name in each))
    if grouped:
        rows = [
            [name, *(number(each.get(name, "-")) for each in grouped.values())] for name in names
        ]
        yield from columns([["score", *grouped], *rows])
    if shared:
        yield from columns((key, number(value)) for key, value in shared.items())
