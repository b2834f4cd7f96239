"""The difference between two results: in their evidence, and in their requests."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from interp.comparison.models import model_folders
from interp.comparison.result import Comparison
from interp.difference.kind import FOLDER_RUN, MODELS, repeatable_kind
from interp.difference.pair import EvidenceDiff
from interp.difference.setting import changes, settings
from interp.errors import InputError
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.registry import Registry
from interp.result.bundle import open_bundle
from interp.result.draw import image_of
from interp.run_folder import FolderRun
from interp.run_folder.opening import as_bundle
from interp.storage.folder import read_json
from interp.storage.resumable import BEGUN

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

    @property
    def most(self) -> str:
        """The piece of evidence that differs most, and how far, in words."""
        worst = max(self.pairs, key=lambda each: each.largest, default=None)
        return "no evidence" if worst is None else f"{worst.name}: {worst.summary()}"

    def verdict(self) -> str:
        """The answer in one line."""
        count = f"{len(self.pairs)} piece{'' if len(self.pairs) == 1 else 's'} of evidence"
        if self.same:
            return f"the same: largest difference {self.largest:.1g} (relative) over {count}"
        differing = sum(each.largest > SAME for each in self.pairs)
        return f"not the same: {differing} of {count} differ, most in {self.most}"

    def summaries(self) -> list[tuple[str, str]]:
        """Each piece of evidence, and how far the two differ in it, in words."""
        return [(each.name, each.summary()) for each in self.pairs]

    def facts(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "same": self.same,
            "largest": _finite(self.largest),
            "evidence": [each.facts() for each in self.pairs],
            "changes": {key: list(pair) for key, pair in self.changes.items()},
        }


@dataclass(frozen=True)
class ImageDifference:
    """How far two results of one image differ; `largest` is infinite where only one run has it."""

    largest: float
    most: str
    """What differs most, in words."""


@dataclass(frozen=True, eq=False, repr=False)
class FolderDifference:
    """Two runs on a folder of images side by side: each image's difference by its result's name.

    `changes` are those of all images, and of the images' fingerprint.
    """

    images: dict[str, ImageDifference]
    changes: dict[str, tuple[Any, Any]]

    def __repr__(self) -> str:
        return f"FolderDifference({self.verdict()})"

    @property
    def largest(self) -> float:
        """Largest relative difference over all images."""
        return max((each.largest for each in self.images.values()), default=0.0)

    @property
    def same(self) -> bool:
        """Whether every number of every image is the same up to SAME."""
        return self.largest <= SAME

    def verdict(self) -> str:
        """The answer in one line."""
        count = f"{len(self.images)} image{'' if len(self.images) == 1 else 's'}"
        if self.same:
            return f"the same: largest difference {self.largest:.1g} (relative) over {count}"
        differing = sum(each.largest > SAME for each in self.images.values())
        name, worst = max(self.images.items(), key=lambda item: item[1].largest)
        return f"not the same: {differing} of {count} differ, most {name}: {worst.most}"

    def summaries(self) -> list[tuple[str, str]]:
        """Each image's result, and what of it differs most, in words."""
        return [(name, each.most) for name, each in self.images.items()]

    def facts(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "same": self.same,
            "largest": _finite(self.largest),
            "images": [
                {"result": name, "relative": _finite(each.largest), "most": each.most}
                for name, each in self.images.items()
            ],
            "changes": {key: list(pair) for key, pair in self.changes.items()},
        }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def difference(
    before: str | Path, after: str | Path, registry: Registry | None = None
) -> Difference | FolderDifference:
    """Compare two folders that run or compare wrote. Raises InputError if their kinds differ.

    Of what a run on a folder of images wrote, an image's result, or all of them.

    `registry` names the packages that define their evidence, as for open_bundle.
    """
    known = registry or Registry.load()
    with as_bundle(Path(before), known) as one, as_bundle(Path(after), known) as other:
        kinds = [repeatable_kind(each) for each in (one, other)]
        if kinds[0] != kinds[1]:
            raise InputError(
                f"{one} is of kind {kinds[0]}, {other} of kind {kinds[1]}; expected two of one kind"
            )
        if kinds[0] == FOLDER_RUN:
            return _folder_difference(one, other, known)
        return _difference(one, other, registry)


def _folder_difference(before: Path, after: Path, known: Registry) -> FolderDifference:
    """The images' differences, with one image's results in memory at a time."""
    ours, theirs = (FolderRun.open(each, known).entries for each in (before, after))
    names = [[each.folder for each in entries] for entries in (ours, theirs)]
    there = [set(each) for each in names]
    images: dict[str, ImageDifference] = {}
    changed = dict(changes(*(read_json(each / BEGUN) for each in (before, after))))
    for name in dict.fromkeys(chain(*names)):
        if name not in there[0] or name not in there[1]:
            which = "first" if name in there[0] else "second"
            images[name] = ImageDifference(math.inf, f"only the {which} has it")
            continue
        with as_bundle(before / name, known) as one, as_bundle(after / name, known) as other:
            found = _difference(one, other, known)
        images[name] = ImageDifference(found.largest, found.most)
        changed |= found.changes
    return FolderDifference(images, changed)


def _difference(before: Path, after: Path, registry: Registry | None) -> Difference:
    ours, theirs = _evidence(before, registry), _evidence(after, registry)
    pairs = []
    for name in dict.fromkeys([*ours, *theirs]):
        one, image = ours.get(name, (None, None))
        other, second = theirs.get(name, (None, None))
        pairs.append(EvidenceDiff(name, one, other, second if one is None else image))
    earlier, later = (settings(each, registry) for each in (before, after))
    return Difference(tuple(pairs), dict(changes(earlier, later)))


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
    kind = repeatable_kind(folder)
    if kind == "explanation":
        yield "", open_bundle(folder, registry)[1]
    elif kind == MODELS:
        for each in model_folders(folder):
            for label, found in _explanations(each, registry):
                yield f"{each.name}, {label}", found
    else:
        for case in Comparison.open(folder, registry).cases:
            for cell in case.cells:
                if cell.explanation is not None:
                    yield f"{case.name}, {cell.method}", cell.explanation
