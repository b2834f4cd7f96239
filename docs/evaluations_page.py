"""Writes docs/evaluate.md's tables of all methods, from what interp suggest cites."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reference import written

from interp.evaluation.request import BASELINES
from interp.registry import Registry

EVALUATE = Path(__file__).parent / "evaluate.md"
COLUMNS = {"energy-parts": "energy-parts ↑", "deletion": "deletion ↓", "road": "road ↑"}
FALLS = ("deletion",)
"""Metrics of which less is better."""


def tables() -> str:
    """A table for each registered evaluation, the methods in order of the first metric."""
    registry = Registry.load()
    parts = []
    for entry in registry.entries("evaluation"):
        facts = json.loads(Path(registry.get("evaluation", entry.name)).read_text("utf-8"))
        parts.append("\n".join(_lines(facts)))
    return "\n\n".join(parts)


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    table = facts["table"]
    first = table[next(iter(COLUMNS))]
    images = max(each["images"] for each in first.values())
    yield f"### {facts['model']['name']}, {images} images, {facts['samples']} samples"
    yield ""
    yield f"| method | {' | '.join(COLUMNS.values())} | beside blind maps | time |"
    yield "|---" * (3 + len(COLUMNS)) + "|"
    for name in sorted(first, key=lambda each: -first[each]["value"]):
        values = [_value(table[metric].get(name)) for metric in COLUMNS]
        shown = f"*{name}*" if name in BASELINES else name
        ratio = facts["seconds"][name] / facts["seconds"]["gradcam"]
        time = f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
        yield f"| {shown} | {' | '.join(values)} | {_beside(table, name)} | {time} |"


def _value(found: dict[str, float] | None) -> str:
    """A mean with its interval."""
    if found is None:
        return ""
    return f"{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def _beside(table: dict[str, Any], name: str) -> str:
    """In how many pairs of a metric and a blind map the method is better and worse."""
    if name in BASELINES:
        return ""
    better = worse = 0
    for metric in COLUMNS:
        for pair in table[metric][name]["less"].values():
            above, below = pair["low"] > 0, pair["high"] < 0
            above, below = (below, above) if metric in FALLS else (above, below)
            better, worse = better + above, worse + below
    return f"{better} better" + (f", {worse} worse" if worse else "")


def main() -> int:
    """Write the page."""
    EVALUATE.write_text(written(EVALUATE.read_text("utf-8"), tables()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
