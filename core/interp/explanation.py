"""An explanation: evidence, and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from interp.errors import UnsupportedError
from interp.evidence import Evidence
from interp.spec import ModelSpec


@dataclass(frozen=True)
class Prediction:
    """The model's own answer on an image: classes by falling probability."""

    classes: tuple[str, ...]
    indices: tuple[int, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Provenance:
    """What made an explanation."""

    method: str
    model: ModelSpec
    targets: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    predictions: tuple[Prediction, ...] = ()
    image_names: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Explanation:
    """What was found. A method fills `evidence`, `samples`, `scores` and `notes`; run the rest.

    `scores` are the numbers that tell how far to trust it (R^2, residuals), named per target
    where they differ: {"tiger cat": {"r2_fine": .8, ...}}. `main` names the evidence whose map
    stands for the explanation in comparisons; by default the first that has a map.
    """

    evidence: tuple[Evidence, ...]
    samples: int = 0
    scores: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    images: tuple[np.ndarray, ...] = ()
    provenance: Provenance | None = None
    main: str | None = None

    def of(self, kind: str, target: str | None = None) -> list[Evidence]:
        """The evidence of a kind, for a target where one is named."""
        return [
            each
            for each in self.evidence
            if each.kind == kind and (target is None or each.target == target)
        ]

    def mapped(self, target: str | None = None, image: int = 0) -> Evidence:
        """The evidence whose map stands for the explanation of a target and image.

        UnsupportedError where none has a map.
        """
        for each in self.evidence:
            wanted = self.main in (None, each.name) and each.image in (None, image)
            if wanted and target in (None, each.target) and each.map() is not None:
                return each
        method = "the method" if self.provenance is None else self.provenance.method
        raise UnsupportedError(f"{method} gives no map of {target or 'its target'} on this image")

    def map(self, target: str | None = None, image: int = 0) -> np.ndarray:
        """Importance per pixel (H, W), signed, as `mapped` finds it."""
        values = self.mapped(target, image).map()
        assert values is not None  # noqa: S101 - mapped looked for it
        return values

    def scores_of(self, target: str, image: int = 0) -> dict[str, Any]:
        """The scores of a target on an image, and those that belong to no single target."""
        found = {key: value for key, value in self.scores.items() if not isinstance(value, dict)}
        for key, value in self.scores.items():
            named, at = read_finding_key(key, self._targets)
            if isinstance(value, dict) and named == target and at in (None, image):
                found |= value
        return found

    def notes_of(self, target: str, image: int = 0) -> tuple[str, ...]:
        """The notes on a target and image; a note that names neither is on all of them."""
        subjects = [(note, *read_finding_key(note, self._targets)) for note in self.notes]
        return tuple(
            note for note, named, at in subjects if named in (None, target) and at in (None, image)
        )

    def renumbered(self, numbers: Mapping[int, int], targets: Sequence[str]) -> Explanation:
        """The same with other image numbers in the keys of scores and notes on these targets."""

        def renumber(text: str) -> str:
            target, image = read_finding_key(text, targets)
            if image is None:
                return text
            before = f"{target}, image " if target else "image "
            return f"{before}{numbers.get(image, image)}{text.removeprefix(f'{before}{image}')}"

        return replace(
            self,
            scores={renumber(key): value for key, value in self.scores.items()},
            notes=tuple(renumber(note) for note in self.notes),
        )

    def on_image(self, number: int, targets: Iterable[str]) -> Explanation:
        """The same, of one image among several: keys and notes on targets name its number."""

        def numbered(text: str) -> str:
            target, image = read_finding_key(text, targets)
            if target is None or image is not None:
                return text
            return f"{finding_key(target, number, 2)}{text.removeprefix(target)}"

        return replace(
            self,
            scores={numbered(key): value for key, value in self.scores.items()},
            notes=tuple(numbered(note) for note in self.notes),
        )

    @property
    def _targets(self) -> set[str]:
        named = {each.target for each in self.evidence if each.target is not None}
        return named if self.provenance is None else named | {*self.provenance.targets}

    def named(self, name: str, target: str | None = None) -> Any:
        """The one piece of evidence called `name` (for a target); KeyError where there is none."""
        for each in self.evidence:
            if each.name == name and (target is None or each.target == target):
                return each
        raise KeyError(name)


def finding_key(target: str, image: int, images: int) -> str:
    """Key of scores and beginning of notes on a target: its name, and which of several images.

        finding_key("tiger cat", 1, images=2)  # "tiger cat, image 1"

    Scores stand under the key itself; a note begins with the key and a colon.
    """
    return target if images == 1 else f"{target}, image {image}"


def read_finding_key(text: str, targets: Iterable[str]) -> tuple[str | None, int | None]:
    """Target and image number that a key or a note names; None for what it does not name."""
    for target in sorted(targets, key=len, reverse=True):  # of "a" and "a: b", the longer first
        if found := re.match(rf"{re.escape(target)}(?:, image (\d+))?(?::|$)", text):
            return target, None if found[1] is None else int(found[1])
    found = re.match(r"image (\d+):", text)
    return None, None if found is None else int(found[1])


def join(parts: Iterable[Explanation]) -> Explanation:
    """Explanations of several targets or images as one: evidence in order, samples added."""
    listed: Sequence[Explanation] = list(parts)
    scores: dict[str, Any] = {}
    for each in listed:
        scores |= each.scores
    return replace(
        listed[0],
        evidence=tuple(found for each in listed for found in each.evidence),
        samples=sum(each.samples for each in listed),
        scores=scores,
        notes=tuple(dict.fromkeys(note for each in listed for note in each.notes)),
    )
