"""A comparison: several methods on the same images and targets, and how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from interp.comparison.agreement import plain
from interp.context import Budget
from interp.errors import InputError
from interp.evidence import Evidence
from interp.explanation import Explanation, Prediction
from interp.request import DEFAULT_MODEL, SAMPLE_IMAGE, Choice, Request
from interp.result.bundle import open_bundle
from interp.result.draw import shown
from interp.spec import ModelOptions, ModelSpec, Plain
from interp.storage.folder import MANIFEST, read_json, seal, unseal
from interp.storage.image import open_image

RECORD, IMAGE = "record.json", "image.png"
"""What lies beside the bundles of an image."""


class ComparisonRequest(Plain):
    """One job for compare; `data`, a folder, takes the place of `images`."""

    methods: tuple[Choice, ...]
    model: str = Field(DEFAULT_MODEL, description="registry name, file, factory or bundle")
    options: ModelOptions = ModelOptions()
    images: tuple[str, ...] = Field((SAMPLE_IMAGE,), description="files, or registered samples")
    data: str | None = Field(None, description="folder of images, in place of images")
    limit: int | None = Field(None, description="the first images only")
    targets: tuple[str, ...] = Field((), description="classes by name or index; none: top-1")
    seed: int = 0
    budget: Budget = Field(Budget(), description="of each method, on each image")

    def of(self, choice: Choice, image: str, targets: Sequence[str]) -> Request:
        """What is asked of one method about one image."""
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
    """A method's answer on an image in numbers; `error` says why there is none."""

    method: str
    error: str | None = None
    samples: int = 0
    evaluated: int = Field(0, description="of these, not answered before for another method")
    seconds: float = 0.0
    full: float = Field(0.0, description="|value| that takes the full colour, in `unit`")
    unit: str = ""
    r2: dict[str, float | None] = Field({}, description="by target")


class ImageRecord(Plain):
    """An image's part of a comparison in numbers."""

    name: str
    folder: str
    prediction: Prediction
    targets: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    agreement: dict[str, list[list[float | None]]] = Field(
        description="by target: rank correlation of the methods' maps, method by method"
    )


@dataclass(frozen=True, eq=False)
class MethodCell:
    """One method on one image: what it found, or in one line why it found nothing."""

    method: str
    explanation: Explanation | None = None
    error: str | None = None
    evaluated: int = 0

    @property
    def waiting(self) -> bool:
        """Whether it has not answered yet."""
        return self.explanation is None and self.error is None

    def shown(self, targets: Sequence[str]) -> dict[str, Evidence]:
        """The evidence whose map stands for the method, of each target where there is one."""
        return {} if self.explanation is None else shown(self.explanation, targets)


@dataclass(frozen=True, eq=False)
class ComparedImage:
    """One image (H, W, 3) uint8 with every method's answer."""

    name: str
    image: np.ndarray
    prediction: Prediction
    targets: tuple[str, ...]
    cells: tuple[MethodCell, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """What compare found. `cases` are read from the folder one at a time where there is one."""

    request: ComparisonRequest
    model: ModelSpec
    records: tuple[ImageRecord, ...]
    cases: Sequence[ComparedImage]
    notes: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def methods(self) -> list[str]:
        """The methods' names, in the order asked for."""
        return [each.name for each in self.request.methods]

    def params(self) -> dict[str, dict[str, Any]]:
        """What each method was asked in full, by its first answer; as requested where it has none.

        Defaults may change from version to version; these do not.
        """
        found = {each.name: each.params for each in self.request.methods}
        missing = set(found)
        for at, record in enumerate(self.records):
            if missing & {each.method for each in record.outcomes if each.error is None}:
                for cell in self.cases[at].cells:
                    if cell.explanation is not None and cell.explanation.provenance is not None:
                        found[cell.method] = cell.explanation.provenance.params
                        missing.discard(cell.method)
        return found

    @cached_property
    def scales(self) -> dict[str, float]:
        """The |value| that takes each method's full colour, on all images and targets."""
        return {
            method: max((each.outcomes[at].full for each in self.records), default=0.0)
            for at, method in enumerate(self.methods)
        }

    @cached_property
    def agreement(self) -> np.ndarray:
        """Mean rank correlation over images and targets, (M, M); NaN where never defined."""
        found = [matrix for each in self.records for matrix in each.agreement.values()]
        values = np.array(found, np.float64).reshape(-1, *2 * (len(self.methods),))  # None is NaN
        known = np.isfinite(values)
        count = known.sum(0)
        total = np.where(known, values, 0.0).sum(0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def facts(self) -> dict[str, Any]:
        """All numbers, fit for JSON."""
        return {
            "model": self.model.model_dump(mode="json"),
            "methods": self.methods,
            "agreement": plain(self.agreement),
            "images": [each.model_dump(mode="json") for each in self.records],
            "notes": list(self.notes),
        }

    def seal(self) -> None:
        """Write the folder's manifest, last: the sha256 of every file that is there now.

        InputError for a comparison that was not saved.
        """
        if self.folder is None:
            raise InputError("this comparison was not saved; name a folder with out=")
        (self.folder / MANIFEST).unlink(missing_ok=True)
        seal(self.folder, {"kind": "comparison", **self.about})

    @classmethod
    def open(cls, folder: Path) -> Comparison:
        """A comparison that was saved; InputError if the folder is none or was altered."""
        about = unseal(folder, "comparison")
        facts = read_json(folder / "comparison.json")
        records = tuple(ImageRecord.model_validate(each) for each in facts["images"])
        return cls(
            ComparisonRequest.model_validate(read_json(folder / "request.json")),
            ModelSpec.model_validate(facts["model"]),
            records,
            StoredImages(folder, records),
            tuple(facts["notes"]),
            about,
            folder,
        )


@dataclass(frozen=True, eq=False)
class StoredImages(Sequence[ComparedImage]):
    """The cases of a folder, each read when it is asked for."""

    folder: Path
    records: tuple[ImageRecord, ...]

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: Any) -> Any:
        record = self.records[index]
        place = self.folder / record.folder
        cells = tuple(_cell(place, each) for each in record.outcomes)
        image = open_image(place / IMAGE)
        return ComparedImage(record.name, image, record.prediction, record.targets, cells)


def _cell(place: Path, outcome: Outcome) -> MethodCell:
    found = None if outcome.error else open_bundle(place / outcome.method)[1]
    return MethodCell(outcome.method, found, outcome.error, outcome.evaluated)
