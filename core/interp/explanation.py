"""An explanation: evidence, and its provenance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import index
from pathlib import Path
from typing import Any, Protocol, SupportsIndex

import numpy as np

from interp.errors import InputError, UnsupportedError
from interp.evidence import Evidence
from interp.lazy_type import Figure
from interp.short import FEW, fields_repr, shortened
from interp.spec import ModelSpec
from interp.target import class_index, parse_target

TargetName = str | SupportsIndex
"""A target's name, or a class's index."""


@dataclass(frozen=True)
class Origin:
    """Where a registered thing comes from that a result rests on.

    `package` is the installed distribution, or else the importable package; `version` is None
    where none is known; `registry` is the file that registers it, if it was added by hand.
    """

    kind: str
    name: str
    package: str
    version: str | None = None
    registry: str | None = None


@dataclass(frozen=True)
class Prediction:
    """The model's prediction for an image: its best classes, by falling probability.

    Of a model that answers values: its first outputs in their order, and their values.
    """

    classes: tuple[str, ...]
    indices: tuple[int, ...]
    probabilities: tuple[float, ...]
    unit: str = "probability"


@dataclass(frozen=True)
class Provenance:
    """What made an explanation: method, model, parameters, seed, images, and how long it took.

    `origins` are the packages behind method, renderers and model, `registries` the registry files
    that were added to the installed ones.
    """

    method: str
    model: ModelSpec
    targets: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    predictions: tuple[Prediction, ...] = ()
    image_names: tuple[str, ...] = ()
    seconds: float = 0.0
    origins: tuple[Origin, ...] = ()
    registries: tuple[str, ...] = ()


class Source(Protocol):
    """What made an explanation, by which it is saved and drawn; run fills it in."""

    def save(self, found: Explanation, folder: Path) -> Path:
        """Write the explanation as a bundle in a new folder."""

    def picture(self, found: Explanation, evidence: Evidence, style: Any) -> np.ndarray:
        """A piece of its evidence in a Style, (h, w, 3) uint8 RGB."""

    def plot(self, found: Explanation) -> Figure:
        """A figure of all its evidence."""


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """What a method found: evidence, and how far to trust it.

        found = interp.explain(network, "photo.jpg", method="gradcam")
        heat = found.map()  # (H, W), signed
        found.plot()  # a matplotlib figure
        found.save("cat")  # as interp.explain(..., out="cat")

    A method fills in `evidence`, `samples`, `scores`, `notes` and `main`; run adds the rest.
    """

    evidence: tuple[Evidence, ...]
    samples: int = 0
    """How many perturbed inputs the model was run on."""
    scores: dict[str, Any] = field(default_factory=dict)
    """Numbers on the quality of the fit, per target where they differ: {"cat": {"r2": 0.8}}."""
    notes: tuple[str, ...] = ()
    """What a reader must know, one sentence each."""
    images: tuple[np.ndarray, ...] = ()
    """The images explained as they are drawn, (H, W, 3) uint8 RGB."""
    provenance: Provenance | None = None
    main: str | None = None
    """The evidence whose map stands for the explanation; None: the first that has a map."""
    source: Source | None = None
    """What saves and draws it; None where a method was called without run."""

    def __repr__(self) -> str:
        made = self.provenance
        lines = ["Explanation" if made is None else f"Explanation by {made.method} of "]
        if made is not None:
            lines[0] += f"{', '.join(made.targets[:FEW]) or 'no target'} on {made.model.name}"
        lines += [f"  {fields_repr(each)}" for each in self.evidence[:FEW]]
        if len(self.evidence) > FEW:
            lines.append(f"  ... {len(self.evidence)} pieces of evidence in all")
        lines += [f"  note: {shortened(each)}" for each in self.notes[:FEW]]
        return "\n".join(lines)

    def noted(self, more: Iterable[str]) -> Explanation:
        """The same with more notes, each once."""
        return replace(self, notes=tuple(dict.fromkeys((*self.notes, *more))))

    def save(self, folder: str | Path) -> Path:
        """Write it as a bundle with its pictures into a new folder, which interp.load opens.

        Raises InputError for a folder that is not empty.
        """
        return self._made_by().save(self, Path(folder))

    def plot(self) -> Figure:
        """All its evidence as a matplotlib figure, which pyplot shows; needs matplotlib."""
        return self._made_by().plot(self)

    def _made_by(self) -> Source:
        if self.source is None:
            raise UnsupportedError(
                "this explanation is a method's own answer, without image and request; save and "
                "plot what interp.explain or interp.run.run returns"
            )
        return self.source

    def target_name(self, target: TargetName | None, image: int = 0) -> str | None:
        """The name of a target in the evidence: of a class by index, or by name as explain takes.

        A name that the model does not have stays as it is.
        """
        made = self.provenance
        if target is None or made is None or target in self._targets:
            return None if target is None else str(target)
        try:
            if isinstance(target, str):
                return self._named_target(target, made.model.classes)
            at = index(target)
        except (InputError, TypeError):
            return str(target)
        own = made.predictions[image : image + 1]  # of a detector's boxes, only these are numbered
        known = {
            number: name for e in own for number, name in zip(e.indices, e.classes, strict=True)
        }
        named = dict(enumerate(made.model.classes)) | known
        return named.get(at, str(at))

    def _named_target(self, text: str, classes: Sequence[str]) -> str:
        """The name of the target that a text names among what was explained, else among classes."""
        own = sorted(self._targets)
        try:
            return own[class_index(text, own)]
        except InputError:
            return parse_target(text, classes).name

    def of(self, kind: str, target: str | None = None) -> list[Evidence]:
        """The evidence of a kind, such as "heatmap", for one target or for all."""
        return [
            each
            for each in self.evidence
            if each.kind == kind and (target is None or each.target == target)
        ]

    def mapped(self, target: TargetName | None = None, image: int = 0) -> Evidence:
        """The evidence whose map stands for the explanation of a target and an image.

        The target is a class's name or index. Raises UnsupportedError where none has a map.
        """
        target = self.target_name(target, image)
        for each in self.evidence:
            wanted = self.main in (None, each.name) and each.image in (None, image)
            if wanted and target in (None, each.target) and each.map() is not None:
                return each
        method = "the method" if self.provenance is None else self.provenance.method
        explained = ", ".join(sorted(self._targets - {target})[:FEW])
        other = f"; explained: {explained}" if target and explained else ""
        raise UnsupportedError(
            f"{method} gives no map of {target or 'its target'} on this image{other}"
        )

    def map(self, target: TargetName | None = None, image: int = 0) -> np.ndarray:
        """Importance per pixel of a target and an image, (H, W), signed; raises as `mapped`."""
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

        return self._relabelled(renumber)

    def about_image(self, number: int) -> Explanation:
        """The same with all evidence about the image of this number."""
        return replace(self, evidence=tuple(replace(each, image=number) for each in self.evidence))

    def on_image(self, number: int, targets: Iterable[str]) -> Explanation:
        """The same, of one image among several: keys and notes on targets name its number."""

        def numbered(text: str) -> str:
            target, image = read_finding_key(text, targets)
            if target is None or image is not None:
                return text
            return f"{finding_key(target, number, 2)}{text.removeprefix(target)}"

        return self._relabelled(numbered)

    def _relabelled(self, relabel: Callable[[str], str]) -> Explanation:
        """The same with `relabel` applied to the keys of scores and to the notes."""
        return replace(
            self,
            scores={relabel(key): value for key, value in self.scores.items()},
            notes=tuple(relabel(note) for note in self.notes),
        )

    @property
    def _targets(self) -> set[str]:
        named = {each.target for each in self.evidence if each.target is not None}
        return named if self.provenance is None else named | {*self.provenance.targets}

    def named(self, name: str, target: str | None = None) -> Any:
        """The evidence called `name`, for a target where one is given. Raises KeyError."""
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
    """One explanation of several targets or images: evidence in order, samples added."""
    listed = list(parts)
    return replace(
        listed[0],
        evidence=tuple(found for each in listed for found in each.evidence),
        samples=sum(each.samples for each in listed),
        scores={name: score for each in listed for name, score in each.scores.items()},
        notes=tuple(dict.fromkeys(note for each in listed for note in each.notes)),
    )
