"""A comparison: several methods on the same images and targets, and how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from interp.comparison.agreement import agreement, json_rows, peaks
from interp.context import Budget
from interp.errors import InputError, UnsupportedError, nearest
from interp.evidence import Evidence
from interp.explanation import Explanation, Origin, Prediction, TargetName
from interp.lazy_type import Figure
from interp.method import Style
from interp.registry import Registry
from interp.request import DEFAULT_MODEL, SAMPLE_IMAGE, AnyRequest, Choice, Request
from interp.result.bundle import open_bundle
from interp.result.draw import colour_limit, maps_by_target, photo
from interp.result.plot import plot_rows
from interp.result.stored_image import read_image
from interp.short import FEW, fields_repr, short, shortened
from interp.spec import PROBABILITY, ModelOptions, ModelSpec, Plain
from interp.storage.folder import read_json, read_whole, seal, unseal

RECORD, IMAGE = "record.json", "image"
"""Files beside an image's bundles, the image's without its suffix."""


class ComparisonRequest(AnyRequest):
    """What compare is asked; `data`, a path of images, takes the place of `images`."""

    methods: tuple[Choice, ...]
    model: str = Field(DEFAULT_MODEL, description="registry name, file, factory or bundle")
    options: ModelOptions = ModelOptions()
    images: tuple[str, ...] = Field((SAMPLE_IMAGE,), description="files, or registered samples")
    data: str | None = Field(None, description="path of images, in place of images")
    limit: int | None = Field(None, description="the first images only")
    targets: tuple[str, ...] = Field((), description="classes by name or index; none: top-1")
    seed: int = Field(0, ge=0)
    budget: Budget = Field(Budget(), description="of each method, on each image")

    def of(self, choice: Choice, image: str, targets: Sequence[str]) -> Request:
        """The request to one method on one image."""
        return Request(
            method=choice.name,
            model=self.model,
            options=self.options,
            images=(image,),
            targets=tuple(targets),
            params=choice.params,
            knowledge=choice.knowledge,
            seed=self.seed,
            budget=self.budget,
        )


class Outcome(Plain):
    """The numbers of a method on an image; `error` says why it has no answer."""

    method: str
    error: str | None = None
    samples: int = 0
    evaluated: int = Field(0, description="samples that the model had to compute")
    seconds: float = 0.0
    full: float = Field(0.0, description="|value| that takes the full colour, in `unit`")
    unit: str = ""
    r2: dict[str, float | None] = Field({}, description="by target")
    peak: dict[str, tuple[float, float] | None] = Field(
        {}, description="by target: where the smoothed map is largest, down and across as shares"
    )
    empty: dict[str, float] = Field(
        {}, description="by target: its probability on the empty image, where the method knows it"
    )

    @classmethod
    def of(cls, cell: MethodCell, targets: Sequence[str]) -> Outcome:
        """The numbers of a cell."""
        if cell.explanation is None or cell.explanation.provenance is None:
            return cls(method=cell.method, error=cell.error)
        maps = cell.maps_by_target(targets)
        return cls(
            method=cell.method,
            samples=cell.explanation.samples,
            evaluated=cell.evaluated,
            seconds=cell.explanation.provenance.seconds,
            full=colour_limit(maps.values()),
            unit=next((getattr(found, "unit", "") for found in maps.values()), ""),
            r2={target: found.r2 for target, found in maps.items()},
            peak=dict(zip(maps, peaks([each.map() for each in maps.values()]), strict=True)),
            empty=_empty(cell.explanation, targets),
        )


def _empty(found: Explanation, targets: Sequence[str]) -> dict[str, float]:
    """Classes' probabilities on the empty image, of a method that explains the probability."""
    made = found.provenance
    if made is None or made.params.get("output") != "prob" or made.model.unit != PROBABILITY:
        return {}
    known = {each: found.scores_of(each).get("empty") for each in targets}
    return {
        each: value
        for each, value in known.items()
        if value is not None and each in made.model.classes
    }


class ImageRecord(Plain):
    """The numbers of a comparison on one image."""

    name: str
    folder: str
    prediction: Prediction
    targets: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    agreement: dict[str, list[list[float | None]]] = Field(
        description="by target: rank correlation of the methods' maps, method by method"
    )
    notes: tuple[str, ...] = Field((), description="what was assumed in reading the image")
    smaller: dict[str, Any] | None = Field(
        None, description="size, sha256 and file of an image of which a smaller copy is kept"
    )

    @classmethod
    def read(cls, path: Path) -> ImageRecord:
        """The numbers in a file. Raises InputError for another one."""
        with read_whole(path, "the numbers of an image"):
            return cls.model_validate(read_json(path))

    @classmethod
    def of(cls, case: ComparedImage, model: ModelSpec, folder: str = "") -> ImageRecord:
        """The numbers of an image's results."""
        maps = [each.maps_by_target(case.targets) for each in case.cells]
        values = {
            target: [each[target].map() if target in each else None for each in maps]
            for target in case.targets
        }
        return cls(
            name=case.name,
            folder=folder,
            prediction=case.prediction,
            targets=case.targets,
            outcomes=tuple(Outcome.of(each, case.targets) for each in case.cells),
            agreement={
                target: json_rows(agreement(each, model.input)) for target, each in values.items()
            },
            notes=case.notes,
        )


@dataclass(frozen=True, eq=False, repr=False)
class MethodCell:
    """One method on one image: its explanation, or in one line why there is none."""

    method: str
    explanation: Explanation | None = None
    error: str | None = None
    evaluated: int = 0

    def __repr__(self) -> str:
        return fields_repr(self)

    @property
    def waiting(self) -> bool:
        """Whether the method has neither answered nor failed yet."""
        return self.explanation is None and self.error is None

    def maps_by_target(self, targets: Sequence[str]) -> dict[str, Evidence]:
        """The evidence whose map stands for each target; targets without a map are left out."""
        return {} if self.explanation is None else maps_by_target(self.explanation, targets)


@dataclass(frozen=True, eq=False, repr=False)
class ComparedImage:
    """One image (H, W, 3) uint8 with every method's cell."""

    name: str
    image: np.ndarray
    prediction: Prediction
    targets: tuple[str, ...]
    cells: tuple[MethodCell, ...]
    notes: tuple[str, ...] = ()
    """What was assumed in reading the image."""

    def __repr__(self) -> str:
        return fields_repr(self)


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """The result of compare. `cases` are read from the folder, where there is one, when asked for.

        heat = both.map("mint", "tiger cat")  # (H, W), signed

    `about` says when and with what it was made.
    """

    request: ComparisonRequest
    model: ModelSpec
    records: tuple[ImageRecord, ...]
    cases: Sequence[ComparedImage]
    notes: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    def __repr__(self) -> str:
        images = [each.name for each in self.records]
        lines = [f"Comparison of {len(self.methods)} methods on {self.model.name}"]
        lines += [f"  methods: {short(tuple(self.methods))}", f"  images: {short(tuple(images))}"]
        lines += [f"  note: {shortened(each)}" for each in self.notes[:FEW]]
        return "\n".join(lines)

    def noted(self, more: Sequence[str]) -> Comparison:
        """The same with more notes, each once."""
        return replace(self, notes=tuple(dict.fromkeys((*self.notes, *more)))) if more else self

    def place(self, method: str, image: int = 0) -> int:
        """The method's number among the cells of an image. Raises InputError where it has none."""
        if method not in self.methods:
            raise InputError(f"{method!r} was not compared; {nearest(method, self.methods)}")
        if not -len(self.records) <= image < len(self.records):
            raise InputError(f"found image {image}; expected one of {len(self.records)}, from 0")
        return self.methods.index(method)

    def explanation(self, method: str, image: int = 0) -> Explanation:
        """A method's explanation of an image. Raises UnsupportedError where the method failed."""
        at = self.place(method, image)
        cell = self.cases[image].cells[at]
        if cell.explanation is None:
            raise UnsupportedError(f"{method} has no answer on this image: {cell.error}")
        return cell.explanation

    def map(self, method: str, target: TargetName | None = None, image: int = 0) -> np.ndarray:
        """A method's importance per pixel of an image, (H, W), signed; raises as `explanation`.

        The target is a class's name or index, by default the first that was explained.
        """
        return self.explanation(method, image).map(target)

    def plot(self) -> Figure:
        """Each method's map of each image and target as a matplotlib figure, which pyplot shows.

        A row is an image and target: the image, then a method to a column, each on its one scale
        for all of them.
        """
        rows = [
            [
                (case.name, photo(case.image, Style().width)),
                *((f"{cell.method}: {target}", self._drawn(cell, target)) for cell in case.cells),
            ]
            for case in self.cases
            for target in case.targets
        ]
        return plot_rows(rows, f"{len(self.methods)} methods on {self.model.name}")

    def _drawn(self, cell: MethodCell, target: str) -> np.ndarray | str:
        """A cell's map as its renderer draws it, or in words why there is none."""
        found, mapped = cell.explanation, cell.maps_by_target([target]).get(target)
        if found is None or found.source is None or mapped is None:
            return f"{cell.method}: {cell.error or f'no map of {target}'}"
        return found.source.picture(found, mapped, Style(scale=self.scales[cell.method] or None))

    @property
    def methods(self) -> list[str]:
        """The methods' names, in the order of the request."""
        return [each.name for each in self.request.methods]

    def params(self) -> dict[str, dict[str, Any]]:
        """All parameters of each method, as its first answer records them.

        Unlike the request they hold the defaults of the version that made the comparison. A
        method without any answer has the parameters of the request.
        """
        found: dict[str, dict[str, Any]] = {}
        for case in self.cases:
            for cell in case.cells:
                if cell.explanation is not None and cell.explanation.provenance is not None:
                    found.setdefault(cell.method, cell.explanation.provenance.params)
            if len(found) == len(self.methods):
                break
        return {each.name: found.get(each.name, each.params) for each in self.request.methods}

    def origins(self) -> tuple[Origin, ...]:
        """The packages behind methods, renderers and model, as the first image's answers say."""
        cells = self.cases[0].cells if self.records else ()
        made = [each.explanation.provenance for each in cells if each.explanation is not None]
        return tuple(dict.fromkeys(found for each in made if each for found in each.origins))

    @cached_property
    def scales(self) -> dict[str, float]:
        """The |value| drawn in full colour, by method, for all images and targets."""
        return {
            method: max((each.outcomes[at].full for each in self.records), default=0.0)
            for at, method in enumerate(self.methods)
        }

    @cached_property
    def agreement(self) -> np.ndarray:
        """Mean rank correlation over images and targets, (M, M); NaN where never defined."""
        found = [matrix for each in self.records for matrix in each.agreement.values()]
        values = np.array(found, np.float64).reshape(-1, *2 * (len(self.methods),))  # None is NaN
        defined = np.isfinite(values)
        count = defined.sum(0)
        return np.where(count > 0, np.nansum(values, 0) / np.maximum(count, 1), np.nan)

    def facts(self) -> dict[str, Any]:
        """All numbers, as JSON."""
        return {
            "model": self.model.model_dump(mode="json"),
            "methods": self.methods,
            "agreement": json_rows(self.agreement),
            "images": [each.model_dump(mode="json") for each in self.records],
            "notes": list(self.notes),
        }

    def seal(self) -> None:
        """Write the folder's manifest with the sha256 of every file that is there now.

        Raises InputError for a comparison that was not saved.
        """
        if self.folder is None:
            raise InputError("this comparison was not saved; name a folder with out=")
        seal(self.folder, {"kind": "comparison", **self.about})

    @classmethod
    def open(cls, folder: str | Path, registry: Registry | None = None) -> Comparison:
        """A saved comparison. Raises InputError if the folder holds none or was altered.

        `registry` names the packages that define its evidence, as for open_bundle.
        """
        folder = Path(folder)
        about = unseal(folder, "comparison")
        with read_whole(folder, "a comparison"):
            facts = read_json(folder / "comparison.json")
            records = tuple(ImageRecord.model_validate(each) for each in facts["images"])
            return cls(
                ComparisonRequest.model_validate(read_json(folder / "request.json")),
                ModelSpec.model_validate(facts["model"]),
                records,
                StoredImages(folder, records, registry),
                tuple(facts["notes"]),
                about,
                folder,
            )


@dataclass(frozen=True, eq=False, repr=False)
class StoredImages(Sequence[ComparedImage]):
    """The cases of a folder, each read when asked for."""

    folder: Path
    records: tuple[ImageRecord, ...]
    registry: Registry | None = None

    def __repr__(self) -> str:
        return f"StoredImages({len(self)} images in {self.folder})"

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: Any) -> Any:
        record = self.records[index]
        place = self.folder / record.folder
        cells = []
        for each in record.outcomes:
            found = None if each.error else open_bundle(place / each.method, self.registry)[1]
            cells.append(MethodCell(each.method, found, each.error, each.evaluated))
        image, answer = read_image(place / IMAGE, record.smaller), record.prediction
        return ComparedImage(record.name, image, answer, record.targets, tuple(cells), record.notes)
