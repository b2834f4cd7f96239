"""What a comparison says, in words made from its numbers.

On one image and target:

1. Two methods agree on where if the peaks of their smoothed maps are no further apart than NEAR.
   The largest group of methods that agree with one of them is named with its place in the image;
   the others with a peak point elsewhere. Methods whose fit is poor are no witnesses, nor are maps
   that see no model (`BASELINES`).
2. A method whose map has an R² below POOR_FIT does not fit here.
3. A method without a positive value found nothing that speaks for the target.
4. The empty image is itself taken for the class if its probability there is more than EMPTY_MARGIN
   above chance.

Over several images and targets, each of these is counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from interp.comparison.result import Comparison, ImageRecord, Outcome
from interp.evidence import NO_FIT, is_poor
from interp.registry.composition import EMPTY_MARGIN, chance_level
from interp.request import BASELINES
from interp.short import listed

Peak = tuple[float, float]
"""Down and across, as shares of the image."""
NEAR = 0.15
"""Largest distance of two peaks at one place, down and across counted as shares of the image."""


@dataclass(frozen=True)
class Verdict:
    """What was found on one image and target; methods are named in the comparison's order."""

    target: str
    witnesses: tuple[str, ...]
    """Methods with a map that fits and a peak."""
    group: tuple[str, ...]
    """The largest group of witnesses that agree on where; empty where no two do."""
    place: str
    """Where the group's peaks are, in words."""
    poor: dict[str, float]
    """Methods that do not fit, with their R²."""
    nothing: tuple[str, ...]
    """Methods whose map speaks for nothing."""
    failed: tuple[str, ...]
    """Methods without an answer."""
    empty: float | None
    """Probability of the class on the empty image where that is taken for it, else None."""

    def sentences(self) -> list[str]:
        """The verdict, the agreement first."""
        lines = [self._agreement()] if len(self.witnesses) > 1 else []
        if self.poor:
            fits = ", ".join(
                "below −1" if each < NO_FIT else f"{each:.2f}".replace("-", "−")
                for each in self.poor.values()
            )
            verb = "does" if len(self.poor) == 1 else "do"
            lines.append(f"{listed(self.poor)} {verb} not fit here (R² {fits}).")
        if self.nothing:
            verb = "finds" if len(self.nothing) == 1 else "find"
            lines.append(f"{listed(self.nothing)} {verb} nothing that speaks for {self.target}.")
        if self.failed:
            lines.append(f"{listed(self.failed)} gave no answer.")
        if self.empty is not None:
            lines.append(
                f"The empty image is itself taken for {self.target} (probability "
                f"{self.empty:.2f}), so parts that look like it may seem unimportant."
            )
        return lines

    def _agreement(self) -> str:
        """Who agrees on where, and who points elsewhere."""
        count = len(self.witnesses)
        if not self.group:
            pair = f"{listed(self.witnesses)} do not agree on where."
            return pair if count == 2 else f"No two of {count} methods agree on where."
        apart = [each for each in self.witnesses if each not in self.group]
        if not apart:
            who = listed(self.group) if count == 2 else f"All {count} methods"
            return f"{who} agree on where: {self.place}."
        point = "points" if len(apart) == 1 else "point"
        who = f"{len(self.group)} of {count} methods ({listed(self.group)})"
        return f"{who} agree on where: {self.place}; {listed(apart)} {point} elsewhere."


def verdict(found: Comparison, record: ImageRecord, target: str) -> Verdict:
    """The verdict on one image and target of a comparison."""
    answered = [each for each in record.outcomes if each.error is None]
    poor = {
        each.method: r2
        for each in answered
        if (r2 := each.r2.get(target)) is not None and is_poor(r2)
    }
    seeing = [each for each in answered if each.method not in BASELINES]
    nothing = [each.method for each in seeing if each.peak.get(target, ()) is None]
    peaks = {
        each.method: place
        for each in seeing
        if each.method not in poor and (place := each.peak.get(target))
    }
    group = _largest_group(peaks)
    return Verdict(
        target=target,
        witnesses=tuple(peaks),
        group=tuple(group),
        place=_place(list(group.values())),
        poor=poor,
        nothing=tuple(each for each in nothing if each not in poor),
        failed=tuple(each.method for each in record.outcomes if each.error is not None),
        empty=_empty(found, answered, target),
    )


def verdict_lines(found: Comparison, records: Sequence[ImageRecord] | None = None) -> list[str]:
    """The verdict on a whole comparison, or on some of its images, a sentence to a line."""
    records = found.records if records is None else records
    each = [verdict(found, record, target) for record in records for target in record.targets]
    if len(each) == 1:
        return each[0].sentences()
    what = "images" if len(each) == len(records) else "images and targets"
    return list(_counted(each, what))


def _counted(verdicts: Sequence[Verdict], what: str) -> Iterable[str]:
    """Sentences on several images, or images and targets."""
    several = [
        each for each in verdicts if len(each.witnesses) > 1
    ]  # one for each image and target
    if several:
        most = sum(2 * len(each.group) > len(each.witnesses) for each in several)
        yield f"More than half of the methods agree on where on {most} of {len(several)} {what}."
    counted = {
        "A poor fit": (name for each in verdicts for name in each.poor),
        "Nothing that speaks for the target": (name for each in verdicts for name in each.nothing),
        "No answer": (name for each in verdicts for name in each.failed),
        "The empty image is itself taken for the class": (
            each.target for each in verdicts if each.empty is not None
        ),
    }
    for finding, names in counted.items():
        counts = Counter(names)
        if counts:
            on = (f"{name} on {each} of {len(verdicts)}" for name, each in counts.items())
            yield f"{finding}: {', '.join(on)} {what}."


def _largest_group(peaks: dict[str, Peak]) -> dict[str, Peak]:
    """The largest group that is near one of its methods; of equal ones the first.

    Empty where no two are near each other.
    """
    groups = [
        {name: each for name, each in peaks.items() if math.dist(each, middle) <= NEAR}
        for middle in peaks.values()
    ]
    largest = max(groups, key=len, default={})
    return largest if len(largest) > 1 else {}


def _place(peaks: Sequence[Peak]) -> str:
    """Where the middle of these peaks is, in words."""
    return _cell(*np.mean(peaks, 0)) if peaks else ""


def _cell(down: float, across: float) -> str:
    """A place in a grid of three by three, in words."""
    row = ("top", "", "bottom")[min(2, int(3 * down))]
    column = ("left", "", "right")[min(2, int(3 * across))]
    return f"at the {f'{row} {column}'.strip()}" if row or column else "in the middle"


def _empty(found: Comparison, answered: Iterable[Outcome], target: str) -> float | None:
    known = [each.empty[target] for each in answered if target in each.empty]
    largest = max(known, default=0.0)
    return largest if largest > chance_level(found.model) + EMPTY_MARGIN else None
