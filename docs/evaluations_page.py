"""Writes docs/evaluate.md's tables of all methods, from what interp suggest cites."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from reference import written

from interp.evaluation.request import BASELINES
from interp.evaluation.summary import Cell, Evaluations, EvaluationSummary
from interp.registry import Registry
from interp.storage.folder import read_json

EVALUATE = Path(__file__).parent / "evaluate.md"
COLUMNS = {"energy-parts": "energy-parts ↑", "deletion": "deletion ↓", "road": "road ↑"}


def tables() -> str:
    """A table for each registered evaluation, the methods in order of the first metric."""
    registry = Registry.load()
    places = [
        Path(registry.get("evaluation", each.name)) for each in registry.entries("evaluation")
    ]
    return "\n\n".join("\n".join(_lines(each)) for each in places)


def _lines(place: Path) -> Iterator[str]:
    summary, facts = EvaluationSummary.read(place), read_json(place)
    first = summary.table[next(iter(COLUMNS))]
    images = max(each.images for each in first.values())
    yield f"### {summary.model.name}, {images} images, {facts['samples']} samples"
    yield ""
    yield f"| method | {' | '.join(COLUMNS.values())} | beside blind maps | time |"
    yield "|---" * (3 + len(COLUMNS)) + "|"
    for name in sorted(first, key=lambda each: -first[each].value):
        values = [_value(summary.table[metric].get(name)) for metric in COLUMNS]
        blind = name in BASELINES
        beside = "" if blind else _beside(summary, name)
        ratio = facts["seconds"][name] / facts["seconds"]["gradcam"]
        time = f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
        yield f"| {f'*{name}*' if blind else name} | {' | '.join(values)} | {beside} | {time} |"


def _value(found: Cell | None) -> str:
    """A mean with its interval."""
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]" if found else ""


def _beside(summary: EvaluationSummary, name: str) -> str:
    """In how many pairs of a metric and a blind map the method is better and worse."""
    found = Evaluations({"": summary}, same_model=True).verdict(name)
    if found is None:
        return ""
    return f"{found.better} better" + (f", {found.worse} worse" if found.worse else "")


def main() -> int:
    """Write the page."""
    EVALUATE.write_text(written(EVALUATE.read_text("utf-8"), tables()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
