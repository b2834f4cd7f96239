"""A piece of evidence in two results, and how far the two lie apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from interp.evidence import Evidence


@dataclass(frozen=True, eq=False)
class Pair:
    """A piece of evidence in both results; one is None where only the other has it."""

    name: str
    before: Evidence | None
    after: Evidence | None

    @property
    def largest(self) -> float:
        """Largest difference of any number, as a share of its array's largest.

        Infinite where only one has it, or where shapes or words differ; R^2 counts as it is.
        """
        return self._worst()[0]

    def _worst(self) -> tuple[float, str]:
        """The largest difference and the field that it is in."""
        if self.before is None or self.after is None:
            return math.inf, ""
        ours, theirs = _content(self.before), _content(self.after)
        if ours.keys() != theirs.keys():
            return math.inf, ""
        fit = abs((self.before.r2 or 0.0) - (self.after.r2 or 0.0)), "r2"
        apart = [(_relative(each, theirs[name]), name) for name, each in ours.items()]
        return max([*apart, fit], key=lambda pair: pair[0])

    @property
    def absolute(self) -> tuple[float, float] | None:
        """Largest and mean |difference| of the maps, or of the first array."""
        values = self.values()
        if values is None:
            return None
        apart = np.abs(values[1] - values[0])
        return float(apart.max(initial=0.0)), float(apart.mean()) if apart.size else 0.0

    @property
    def correlation(self) -> float | None:
        """Rank correlation of the same; None where it is undefined."""
        from scipy.stats import rankdata

        values = self.values()
        if values is None or any(each.size < 2 or np.ptp(each) == 0 for each in values):
            return None
        return float(np.corrcoef(*[rankdata(each) for each in values])[0, 1])

    @property
    def r2(self) -> tuple[float | None, float | None]:
        """Both fits."""
        ours, theirs = (None if each is None else each.r2 for each in (self.before, self.after))
        return ours, theirs

    def values(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Both maps, or both first arrays, float64; None where they have not one shape."""
        ours, theirs = (None if each is None else _main(each) for each in (self.before, self.after))
        if ours is None or theirs is None or ours.shape != theirs.shape:
            return None
        return ours, theirs

    def told(self) -> str:
        """How far they are apart, in words."""
        if self.after is None:
            return "only the first has it"
        if self.before is None:
            return "only the second has it"
        largest, field = self._worst()
        if math.isinf(largest):
            return "its shape or its words differ"
        return f"{largest:.2g} (relative) in its {field.partition(' ')[0].replace('_', ' ')}"

    def facts(self) -> dict[str, Any]:
        """All of it, fit for JSON."""
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
    """All arrays, the numbers among the other fields by field, and the words as keys."""
    content = dict(each.arrays())
    for name, value in each.plain().items():
        if name == "r2":
            continue
        leaves = list(_leaves(value))
        words = [leaf for leaf in leaves if not _is_number(leaf)]
        numbers = [leaf for leaf in leaves if _is_number(leaf)]
        content[f"{name} {words}"] = np.array(numbers, np.float64)
    return content


def _leaves(value: Any) -> Iterator[Any]:
    """What a nested field holds, keys of mappings included, in order."""
    if isinstance(value, Mapping):
        value = [part for item in value.items() for part in item]
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


def _main(each: Evidence) -> np.ndarray | None:
    values = each.map()
    found = next(iter(each.arrays().values()), None) if values is None else values
    return None if found is None else found.astype(np.float64)
