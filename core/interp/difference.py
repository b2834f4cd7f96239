"""What differs between two results: evidence by evidence, and in what was asked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from interp.bundle import open_bundle
from interp.comparison import Comparison
from interp.errors import InputError
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.folder import MANIFEST, read_json

SAME = 1e-5
"""Relative difference up to which two results are the same."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A piece of evidence in both results; one is None where only the other has it."""

    name: str
    before: Evidence | None
    after: Evidence | None

    @property
    def largest(self) -> float:
        """Largest difference of any number, as a share of its array's largest; inf: one-sided."""
        if self.before is None or self.after is None:
            return math.inf
        ours, theirs = self.before.arrays(), self.after.arrays()
        if ours.keys() != theirs.keys():
            return math.inf
        return max((_relative(each, theirs[name]) for name, each in ours.items()), default=0.0)

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
        ranks = [rankdata(each) for each in values]
        return float(np.corrcoef(*ranks)[0, 1])

    @property
    def r2(self) -> tuple[float | None, float | None]:
        """Both fits."""
        found = [None if each is None else each.r2 for each in (self.before, self.after)]
        return found[0], found[1]

    def values(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Both maps, or both first arrays, float64; None where they have not one shape."""
        if self.before is None or self.after is None:
            return None
        found = [_main(each) for each in (self.before, self.after)]
        if found[0] is None or found[1] is None or found[0].shape != found[1].shape:
            return None
        return found[0], found[1]


@dataclass(frozen=True, eq=False)
class Difference:
    """Two results side by side. `changes`: what was asked or used otherwise, by key."""

    pairs: tuple[Pair, ...]
    changes: dict[str, tuple[Any, Any]]
    images: dict[str, np.ndarray]
    """The images of the first, by the pair's name."""

    @property
    def largest(self) -> float:
        """Largest relative difference over all evidence."""
        return max((each.largest for each in self.pairs), default=0.0)

    @property
    def same(self) -> bool:
        """Whether every number is the same up to SAME."""
        return self.largest <= SAME

    def verdict(self) -> str:
        """The answer in one line."""
        count = f"{len(self.pairs)} pieces of evidence"
        if self.same:
            return f"the same: largest difference {self.largest:.1g} (relative) over {count}"
        apart = [each for each in self.pairs if each.largest > SAME]
        worst = max(apart, key=lambda each: each.largest)
        how = f"{worst.largest:.2g} (relative)" if math.isfinite(worst.largest) else _how(worst)
        return f"not the same: {len(apart)} of {count} differ, most in {worst.name}: {how}"

    def facts(self) -> dict[str, Any]:
        """All of it, fit for JSON."""
        return {
            "same": self.same,
            "largest": self.largest,
            "evidence": [_facts(each) for each in self.pairs],
            "changes": {key: list(pair) for key, pair in self.changes.items()},
        }


def difference(before: Path, after: Path) -> Difference:
    """Compare two folders that run or compare wrote; InputError if they are of two kinds."""
    kinds = [_kind(each) for each in (before, after)]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"{before} holds a {kinds[0]}, {after} a {kinds[1]}; expected two results of one kind"
        )
    ours, theirs = (
        {
            (label, *_key(each)): (each, found)
            for label, found in _parts(folder)
            for each in found.evidence
        }
        for folder in (before, after)
    )
    names = list(dict.fromkeys([*ours, *theirs]))
    pairs = [(_label(key), ours.get(key), theirs.get(key)) for key in names]
    return Difference(
        tuple(Pair(name, a and a[0], b and b[0]) for name, a, b in pairs),
        dict(_changes(_asked(before), _asked(after))),
        {
            name: found.images[each.image]
            for name, a, b in pairs
            for each, found in [a or b or (None, None)]
            if each is not None and found is not None and each.image is not None
        },
    )


def _kind(folder: Path) -> str:
    if not (folder / MANIFEST).is_file():
        raise InputError(
            f"{folder}: found no {MANIFEST}; expected a folder that run or compare wrote"
        )
    kind = str(read_json(folder / MANIFEST).get("kind"))
    if kind not in ("explanation", "comparison"):
        raise InputError(f"{folder} holds a {kind}; expected what run or compare wrote")
    return kind


def _parts(folder: Path) -> Iterator[tuple[str, Explanation]]:
    """The explanations in a folder, each under a label; one alone has none."""
    if _kind(folder) == "explanation":
        yield "", open_bundle(folder)[1]
        return
    for case in Comparison.open(folder).cases:
        for cell in case.cells:
            if cell.explanation is not None:
                yield f"{case.name}, {cell.method}", cell.explanation


def _key(each: Evidence) -> tuple[Any, ...]:
    return each.name, each.target, each.image, each.layer


def _label(key: tuple[Any, ...]) -> str:
    label, name, target, image, _ = key
    words = [label, name, target, f"image {image}" if image else None]
    return ", ".join(each for each in words if each)


def _asked(folder: Path) -> dict[str, Any]:
    """What was asked and used, as far as it may matter."""
    manifest = read_json(folder / MANIFEST)
    comparison = manifest["kind"] == "comparison"
    told = read_json(folder / ("comparison.json" if comparison else "explanation.json"))
    model = told["model"] if comparison else (told["provenance"] or {}).get("model", {})
    wanted = ("source", "fingerprint", "device", "precision")
    return {
        **read_json(folder / "request.json"),
        "opened": {key: model.get(key) for key in wanted},
        **{key: manifest.get(key) for key in ("python", "machine", "versions")},
    }


def _changes(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Leaves that differ, by dotted key."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            place = f"{path}.{key}" if path else str(key)
            yield from _changes(before.get(key), after.get(key), place)
    elif before != after:
        yield path, (before, after)


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


def _how(pair: Pair) -> str:
    if pair.after is None:
        return "only the first has it"
    if pair.before is None:
        return "only the second has it"
    return "its arrays have another shape"


def _facts(pair: Pair) -> dict[str, Any]:
    absolute = pair.absolute or (None, None)
    return {
        "name": pair.name,
        "relative": pair.largest if math.isfinite(pair.largest) else None,
        "largest": absolute[0],
        "mean": absolute[1],
        "rank_correlation": pair.correlation,
        "r2": list(pair.r2),
    }
