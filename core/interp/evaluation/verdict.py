"""What an evaluation says: ranks with intervals, its result in words, and where methods failed.

One method is better than another beyond chance where the 95 % interval of their difference on the
same images does not hold 0. A method's rank is then between 1 + the number of methods that are
better beyond chance, and the number of methods less those that are worse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from interp.evaluation.result import Evaluation, MetricCell
from interp.evaluation.table import interval
from interp.short import listed

MANY = 3
"""Methods that are named of many."""
FEW_IMAGES = 30
"""Images below which most methods cannot be told apart."""


@dataclass(frozen=True)
class Failure:
    """A method that failed on an image, explaining it or in a metric, and why."""

    method: str
    image: str
    what: str
    reason: str
    position: int
    """The image's place among the chosen ones."""
    target: str | None
    """The class that was explained."""


def verdict_lines(found: Evaluation) -> list[str]:
    """The result in words, a sentence to a line."""
    lines = [*_summary(found), *(_best(found, metric) for metric in found.metrics)]
    count = len(found.records)
    if count < FEW_IMAGES:
        images = "One image is" if count == 1 else f"{count} images are"
        lines.append(f"{images} few: more of them would tell more methods apart.")
    failed: dict[str, set[str]] = {}
    for each in failures(found):
        failed.setdefault(each.method, set()).add(each.image)
    lines += [f"{name} failed on {len(each)} of {count} images." for name, each in failed.items()]
    return lines


def failures(found: Evaluation) -> list[Failure]:
    """Every failure of a method on an image, by method."""
    each = [
        Failure(method, record.image, what, reason, record.position, record.target)
        for record in found.records
        for method, failed in record.failures.items()
        for what, reason in failed.items()
    ]
    return sorted(each, key=lambda one: found.methods.index(one.method))


def rank_words(ends: tuple[int, int] | None) -> str:
    """`2`, `1 to 4`, or a dash where there is no value."""
    if ends is None:
        return "–"
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _summary(found: Evaluation) -> Iterator[str]:
    """On how many metrics methods may be the best, and are no better than maps without a model."""
    own = [name for name in found.methods if name not in found.baselines]
    total = len(found.metrics)
    if total > 1 and len(own) > 1:
        best = {
            name: sum(each.get(name, (2, 2))[0] == 1 for each in found.ranks.values())
            for name in own
        }
        most = sorted(filter(best.get, best), key=lambda name: -best[name])
        if most:
            counts = ", ".join(f"{name} on {best[name]}" for name in most)
            yield f"Best, or not to be told from the best, of {total} metrics: {counts}."
    weak = []
    for name in own if found.baselines else ():
        measured = [cells[name] for cells in found.table.values() if name in cells]
        if blind := sum(not _beats_baselines(each) for each in measured):
            weak.append(f"{name} on {blind} of {len(measured)}")
    if weak:
        yield f"Not better beyond chance than maps that see no model: {', '.join(weak)}."


def _beats_baselines(cell: MetricCell) -> bool:
    return all(each.beyond_chance() > 0 for each in cell.less.values())


def _best(found: Evaluation, metric: str) -> str:
    """Who is best by a metric, and who may be as good."""
    best = found.best(metric)
    rest = found.leading(metric)[len(best) :]
    value = interval(found.table[metric][best[0]].mean)
    verb = "is" if len(best) == 1 else "are"
    words = f"{metric}: {listed(best, MANY)} {verb} best, {value}"
    if rest:
        return f"{words}; {listed(rest, MANY)} may be as good."
    return f"{words}." if len(best) == len(found.ranks[metric]) else f"{words}, beyond chance."
