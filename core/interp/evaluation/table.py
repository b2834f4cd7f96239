"""An evaluation as a table: in Markdown for people, one row per number for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from interp.evaluation.result import Evaluation
from interp.metric import Measurement
from interp.plain_text import markdown as plain

STARS = "* best beyond chance, tie* best or not to be told from the best"
"""What the stars of a table mean."""
COLUMNS = ("metric", "unit", "better", "method", "less", "value", "low", "high", "images")
"""`less`: the baseline that was subtracted, image by image; empty for the mean itself."""


def long_rows(found: Evaluation) -> Iterator[tuple[Any, ...]]:
    """Every mean, and every paired difference to a baseline, with its 95 % interval."""
    for metric in found.metrics:
        used = found.metric_specs[metric]
        better = "higher" if used.higher_is_better else "lower"
        for method, cell in found.table[metric].items():
            for less, each in [("", cell.mean), *cell.less.items()]:
                numbers = (each.value, each.low, each.high, each.count)
                yield (metric, used.unit, better, method, less, *numbers)


def headings(found: Evaluation) -> list[str]:
    """The metrics' names with the direction that is better: `deletion ↓`."""
    arrows = {True: "↑", False: "↓"}
    return [f"{name} {arrows[found.metric_specs[name].higher_is_better]}" for name in found.metrics]


def words(found: Evaluation, method: str) -> list[str]:
    """A method's row of the table; a star marks the best of each metric, tie* what may be it."""
    row = []
    for metric in found.metrics:
        cell = found.table[metric].get(method)
        best = found.leading(metric)
        star = ("*" if len(best) == 1 else " tie*") if method in best else ""
        row.append(f"{interval(cell.mean)}{star}" if cell else "-")
    return row


def interval(found: Measurement) -> str:
    """A mean with its interval: `0.31 [0.28, 0.35]`."""
    if found.low is None or found.high is None:
        return figure(found.value)
    return f"{figure(found.value)} [{figure(found.low)}, {figure(found.high)}]"


def figure(value: float) -> str:
    """A number with two decimals, or two significant digits where it is small."""
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:#.2g}"


def markdown(found: Evaluation) -> str:
    """The table, its units, and the evaluation's notes."""
    heads = ["method", *map(plain, headings(found))]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for method in found.methods:
        name = f"*{plain(method)}*" if method in found.baselines else plain(method)
        lines.append(f"| {' | '.join([name, *words(found, method)])} |")
    units = ", ".join(f"{name}: {found.metric_specs[name].unit}" for name in found.metrics)
    about = (
        f"{len(found.records)} images, {plain(found.model.name)}, "
        f"target: {found.request.target} class, "
        f"seed {found.request.seed}. Means with 95 % intervals over images; {STARS}; "
        f"*italic*: baselines. {units}."
    )
    return "\n".join([*lines, "", about, *(f"- {plain(note)}" for note in found.notes()), ""])
