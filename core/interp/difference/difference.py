"""What differs between two results: evidence by evidence, and in what was asked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from interp.comparison.result import Comparison
from interp.difference.pair import Pair
from interp.errors import InputError
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.result.bundle import open_bundle
from interp.storage.folder import MANIFEST, read_json

SAME = 1e-5
"""Relative difference up to which two results are the same."""


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
        count = f"{len(self.pairs)} piece{'' if len(self.pairs) == 1 else 's'} of evidence"
        if self.same:
            return f"the same: largest difference {self.largest:.1g} (relative) over {count}"
        apart = [each for each in self.pairs if each.largest > SAME]
        worst = max(apart, key=lambda each: each.largest)
        return f"not the same: {len(apart)} of {count} differ, most in {worst.name}: {worst.told()}"

    def facts(self) -> dict[str, Any]:
        """All of it, fit for JSON."""
        return {
            "same": self.same,
            "largest": self.largest if math.isfinite(self.largest) else None,
            "evidence": [each.facts() for each in self.pairs],
            "changes": {key: list(pair) for key, pair in self.changes.items()},
        }


def difference(before: Path, after: Path) -> Difference:
    """Compare two folders that run or compare wrote; InputError if they are of two kinds."""
    kinds = [_kind(each) for each in (before, after)]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"{before} is of kind {kinds[0]}, {after} of kind {kinds[1]}; expected two of one kind"
        )
    ours, theirs = _pieces(before), _pieces(after)
    names = list(dict.fromkeys([*ours, *theirs]))
    first = {name: ours.get(name) or theirs[name] for name in names}
    return Difference(
        tuple(Pair(name, _evidence(ours, name), _evidence(theirs, name)) for name in names),
        dict(_changes(_asked(before), _asked(after))),
        {
            name: found.images[each.image]
            for name, (each, found) in first.items()
            if each.image is not None
        },
    )


def _pieces(folder: Path) -> dict[str, tuple[Evidence, Explanation]]:
    """Every piece of evidence with its explanation, under a name of its own."""
    pieces: dict[str, tuple[Evidence, Explanation]] = {}
    seen: Counter[str] = Counter()
    for label, found in _parts(folder):
        for each in found.evidence:
            several = len(found.images) > 1 and each.image is not None
            image = f"image {each.image}" if several else None
            words = (label, each.name, each.layer, each.target, image)
            name = ", ".join(word for word in words if word)
            seen[name] += 1
            pieces[name if seen[name] == 1 else f"{name} ({seen[name]})"] = (each, found)
    return pieces


def _evidence(pieces: dict[str, tuple[Evidence, Explanation]], name: str) -> Evidence | None:
    return pieces[name][0] if name in pieces else None


def _kind(folder: Path) -> str:
    if not (folder / MANIFEST).is_file():
        raise InputError(
            f"{folder}: found no {MANIFEST}; expected a folder that run or compare wrote"
        )
    kind = str(read_json(folder / MANIFEST).get("kind"))
    if kind not in ("explanation", "comparison"):
        raise InputError(f"{folder} is of kind {kind}; expected what run or compare wrote")
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


def _asked(folder: Path) -> dict[str, Any]:
    """What was asked and used, as far as it may matter."""
    manifest = read_json(folder / MANIFEST)
    request = read_json(folder / "request.json")
    if manifest["kind"] == "comparison":
        opened = Comparison.open(folder)
        model = opened.model.model_dump(mode="json")
        request["methods"] = opened.params()
    else:
        made = read_json(folder / "explanation.json")["provenance"] or {}
        model, request["params"] = made.get("model", {}), made.get("params")
    wanted = ("source", "fingerprint", "device", "precision")
    return {
        **request,
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
