"""The difference between two results: in their evidence, and in their requests."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from interp.comparison.result import Comparison
from interp.difference.pair import EvidenceDiff
from interp.errors import InputError
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.registry import Registry
from interp.result.bundle import open_bundle
from interp.result.draw import image_of
from interp.run_folder.opening import as_bundle
from interp.storage.folder import MANIFEST, read_json

SAME = 1e-5
"""Relative difference up to which two results count as the same."""


@dataclass(frozen=True, eq=False, repr=False)
class Difference:
    """Two results side by side. `changes`: settings that differ, (before, after) by key."""

    pairs: tuple[EvidenceDiff, ...]
    changes: dict[str, tuple[Any, Any]]

    def __repr__(self) -> str:
        return f"Difference({self.verdict()})"

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
        differing = [each for each in self.pairs if each.largest > SAME]
        worst = max(differing, key=lambda each: each.largest)
        return (
            f"not the same: {len(differing)} of {count} differ, most in {worst.name}: "
            f"{worst.summary()}"
        )

    def facts(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "same": self.same,
            "largest": self.largest if math.isfinite(self.largest) else None,
            "evidence": [each.facts() for each in self.pairs],
            "changes": {key: list(pair) for key, pair in self.changes.items()},
        }


def difference(
    before: str | Path, after: str | Path, registry: Registry | None = None
) -> Difference:
    """Compare two folders that run or compare wrote. Raises InputError if their kinds differ.

    `registry` names the packages that define their evidence, as for open_bundle.
    """
    known = registry or Registry.load()
    with as_bundle(Path(before), known) as one, as_bundle(Path(after), known) as other:
        return _difference(one, other, registry)


def _difference(before: Path, after: Path, registry: Registry | None) -> Difference:
    kinds = [result_kind(each) for each in (before, after)]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"{before} is of kind {kinds[0]}, {after} of kind {kinds[1]}; expected two of one kind"
        )
    ours, theirs = _evidence(before, registry), _evidence(after, registry)
    pairs = []
    for name in dict.fromkeys([*ours, *theirs]):
        one, image = ours.get(name, (None, None))
        other, second = theirs.get(name, (None, None))
        pairs.append(EvidenceDiff(name, one, other, second if one is None else image))
    earlier, later = (_settings(each, registry) for each in (before, after))
    return Difference(tuple(pairs), dict(_changes(earlier, later)))


def result_kind(folder: Path) -> str:
    """The kind of a result: explanation or comparison. Raises InputError for any other folder."""
    if not (folder / MANIFEST).is_file():
        raise InputError(
            f"{folder}: found no {MANIFEST}; expected a folder that run or compare wrote"
        )
    kind = str(read_json(folder / MANIFEST).get("kind"))
    if kind not in ("explanation", "comparison"):
        raise InputError(f"{folder} is of kind {kind}; expected what run or compare wrote")
    return kind


def _evidence(
    folder: Path, registry: Registry | None
) -> dict[str, tuple[Evidence, np.ndarray | None]]:
    """Every piece of evidence by a unique name, with the image that it is about."""
    found: dict[str, tuple[Evidence, np.ndarray | None]] = {}
    counts: Counter[str] = Counter()
    for label, explanation in _explanations(folder, registry):
        for each in explanation.evidence:
            several = len(explanation.images) > 1 and each.image is not None
            place = f"image {each.image}" if several else None
            words = (label, each.name, each.layer, each.target, place)
            name = ", ".join(word for word in words if word)
            counts[name] += 1
            unique = name if counts[name] == 1 else f"{name} ({counts[name]})"
            found[unique] = each, image_of(explanation, each)
    return found


def _explanations(folder: Path, registry: Registry | None) -> Iterator[tuple[str, Explanation]]:
    """The explanations in a folder, each with a label; a single one has none."""
    if result_kind(folder) == "explanation":
        yield "", open_bundle(folder, registry)[1]
        return
    for case in Comparison.open(folder, registry).cases:
        for cell in case.cells:
            if cell.explanation is not None:
                yield f"{case.name}, {cell.method}", cell.explanation


def _settings(folder: Path, registry: Registry | None) -> dict[str, Any]:
    """The request with all parameters, the model and the software that were used."""
    manifest = read_json(folder / MANIFEST)
    request = read_json(folder / "request.json")
    request.pop("full_maps", None)  # says how results are kept, not what they are
    if manifest["kind"] == "comparison":
        opened = Comparison.open(folder, registry)
        model = opened.model.model_dump(mode="json")
        given = {each.name: each.params for each in opened.request.methods}
        request["methods"] = {
            name: _params(params, given.get(name, {})) for name, params in opened.params().items()
        }
    else:
        made = read_json(folder / "explanation.json")["provenance"] or {}
        model = made.get("model", {})
        request["params"] = _params(made.get("params") or {}, request.get("params") or {})
    used = ("source", "fingerprint", "device", "precision")
    return {
        **request,
        "opened": {key: model.get(key) for key in used},
        **{key: manifest.get(key) for key in ("python", "machine", "versions")},
    }


class _Params(dict[str, Any]):
    """All parameters of a method, and the names of those that the request gave."""

    given: frozenset[str]


def _params(params: Mapping[str, Any], given: Mapping[str, Any]) -> _Params:
    found = _Params(params)
    found.given = frozenset(given)
    return found


def _unknown(key: str, one: Any, other: Any) -> bool:
    """Whether a parameter is a default in one version, and another version did not have it."""
    sides = [each for each in (one, other) if isinstance(each, _Params)]
    return (
        len(sides) == 2
        and any(key not in each for each in sides)
        and not any(key in each.given for each in sides)
    )


def _changes(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Nested values that differ, by dotted key."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            if _unknown(key, before, after):
                continue
            place = f"{path}.{key}" if path else str(key)
            yield from _changes(before.get(key), after.get(key), place)
    elif before != after:
        yield path, (before, after)
