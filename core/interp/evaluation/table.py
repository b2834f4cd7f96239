"""An evaluation as a table: for people in Markdown, for programs one row per number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from interp.evaluation.result import Evaluation
from interp.metric import Measurement

COLUMNS = ("metric", "unit", "better", "method", "less", "value", "low", "high", "images")
"""`less`: the baseline that was subtracted, image by image; empty for the mean itself."""


def long_rows(found: Evaluation) -> Iterator[tuple[Any, ...]]:
    """Every mean and every paired difference to a baseline, with its 95 % interval."""
    for metric in found.metrics:
        used = found.metric_specs[metric]
        better = "higher" if used.higher_is_better else "lower"
        for method, cell in found.table[metric].items():
            for less, each in [("", cell.mean), *cell.less.items()]:
                numbers = (each.value, each.low, each.high, each.count)
                yield (metric, used.unit, better, method, less, *numbers)


def headings(found: Evaluation) -> list[str]:
    """Metrics with the direction that is better: `deletion ↓`."""
    arrows = {True: "↑", False: "↓"}
    return [f"{name} {arrows[found.metric_specs[name].higher_is_better]}" for name in found.metrics]


def words(found: Evaluation, method: str) -> list[str]:
    """A method's row; the best of each metric has a star."""
    row = []
    for metric in found.metrics:
        cell = found.table[metric].get(method)
        star = "*" if cell and found.best(metric) == method else ""
        row.append(f"{interval(cell.mean)}{star}" if cell else "-")
    return row


def interval(found: Measurement) -> str:
    """`0.31 [0.28, 0.35]`."""
    if found.low is None or found.high is None:
        return figure(found.value)
    return f"{figure(found.value)} [{figure(found.low)}, {figure(found.high)}]"


def figure(value: float) -> str:
    """Two decimals, or two digits of what is smaller."""
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"


def markdown(found: Evaluation) -> str:
    """The table, what its columns are, and what a reader must know."""
    heads = ["method", *headings(found)]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for method in found.methods:
        name = f"*{method}*" if method in found.baselines else method
        lines.append(f"| {' | '.join([name, *words(found, method)])} |")
    units = ", ".join(f"{name}: {found.metric_specs[name].unit}" for name in found.metrics)
    about = (
        f"{len(found.records)} images, {found.model.name}, target: {found.request.target} class, "
        f"seed {found.request.seed}. Means with 95 % intervals over images; * best; "
        f"*italic*: baselines. {units}."
    )
    return "\n".join([*lines, "", about, *(f"- {note}" for note in found.notes()), ""])
