"""A piece of evidence in two results, and how far the two differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from interp.comparison.agreement import mean_ranks
from interp.evidence import Evidence


@dataclass(frozen=True, eq=False)
class EvidenceDiff:
    """A piece of evidence before and after; one is None where only the other result has it.

    `image` is the picture (H, W, 3) uint8 that the evidence is about, where it is about one.
    """

    name: str
    before: Evidence | None
    after: Evidence | None
    image: np.ndarray | None = None

    @property
    def largest(self) -> float:
        """Largest difference of any number, relative to the largest number of its array.

        Infinite where only one result has it, or where shapes or texts differ. R² counts as an
        absolute difference.
        """
        return self._worst()[0]

    def _worst(self) -> tuple[float, str]:
        """The largest difference and the field that has it."""
        if self.before is None or self.after is None:
            return math.inf, ""
        ours, theirs = _content(self.before), _content(self.after)
        if ours.keys() != theirs.keys():
            return math.inf, ""
        r2 = abs((self.before.r2 or 0.0) - (self.after.r2 or 0.0)), "r2"
        fields = [(_relative(each, theirs[name]), name) for name, each in ours.items()]
        return max([*fields, r2], key=lambda pair: pair[0])

    @property
    def absolute(self) -> tuple[float, float] | None:
        """Largest and mean |difference| of the maps, or else of the first arrays."""
        values = self.values()
        if values is None:
            return None
        difference = np.abs(values[1] - values[0])
        return float(difference.max(initial=0.0)), float(
            difference.mean() if difference.size else 0
        )

    @property
    def correlation(self) -> float | None:
        """Rank correlation of the maps, or else of the first arrays; None where undefined."""
        values = self.values()
        if values is None or any(each.size < 2 or np.ptp(each) == 0 for each in values):
            return None
        return float(np.corrcoef([mean_ranks(each.ravel()) for each in values])[0, 1])

    @property
    def r2(self) -> tuple[float | None, float | None]:
        """R² before and after."""
        ours, theirs = (None if each is None else each.r2 for each in (self.before, self.after))
        return ours, theirs

    def values(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Both maps, or both first arrays, in float64; None where their shapes differ."""
        ours, theirs = (
            None if each is None else _main_array(each) for each in (self.before, self.after)
        )
        if ours is None or theirs is None or ours.shape != theirs.shape:
            return None
        return ours.astype(np.float64), theirs.astype(np.float64)

    def summary(self) -> str:
        """How far the two differ, in words."""
        if self.after is None:
            return "only the first has it"
        if self.before is None:
            return "only the second has it"
        largest, field = self._worst()
        if largest == 0:
            return "the same"
        if math.isinf(largest):
            return "the shape or the text differs"
        return f"{largest:.2g} (relative) in its {field.partition(' ')[0].replace('_', ' ')}"

    def facts(self) -> dict[str, Any]:
        """All of it, as JSON."""
        largest, mean = self.absolute or (None, None)
        return {
            "name": self.name,
            "relative": self.largest if math.isfinite(self.largest) else None,
            "largest": largest,
            "mean": mean,
            "rank_correlation": self.correlation,
            "r2": list(self.r2),
        }


def _content(each: Evidence) -> dict[str, np.ndarray]:
    """All arrays by field; the numbers in other fields by the field's name and its texts."""
    content = dict(each.arrays())
    for name, value in each.plain().items():
        if name != "r2":
            leaves = list(_leaves(value))
            texts = [leaf for leaf in leaves if not _is_number(leaf)]
            numbers = [leaf for leaf in leaves if _is_number(leaf)]
            content[f"{name} {texts}"] = np.array(numbers, np.float64)
    return content


def _leaves(value: Any) -> Iterator[Any]:
    """What a nested field holds, in order, with the keys of mappings."""
    if isinstance(value, Mapping):
        value = list(value.items())
    if not isinstance(value, list | tuple):
        yield value
        return
    for each in value:
        yield from _leaves(each)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    if ours.shape != theirs.shape:
        return math.inf
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    top = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
    return float(np.abs(a - b).max(initial=0.0) / top) if top > 0 else 0.0


def _main_array(each: Evidence) -> np.ndarray | None:
    values = each.map()
    return next(iter(each.arrays().values()), None) if values is None else values
