"""COCO's annotation format: the document, and masks as run lengths or polygons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    FiniteFloat,
    Strict,
    ValidationError,
    field_validator,
)

from interp.errors import InputError
from interp.storage.folder import read_json

Json = dict[str, Any]
DOCUMENT = "annotations.json"
"""The annotations' file where it stands beside images/."""
NAMED = 3
"""How many rows that cannot be used a note names; the others are counted."""
LARGEST = 1e6
"""The largest coordinate of a polygon's corner, in pixels."""
Id = int | str
Number = Annotated[FiniteFloat, Strict()]
"""A number, not a text or a truth value that could be read as one."""
Entry = TypeVar("Entry", bound="Row")


class Row(BaseModel):
    """A row of a COCO document; what it holds besides is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_truth_value(cls, value: Any) -> Any:
        """The value; true is not the number 1."""
        if isinstance(value, bool):
            raise ValueError("expected a number or a text, no truth value")
        return value


class CocoCategory(Row):
    """A class, with the names of its keypoints and of the parts that tell it (ours)."""

    id: Id
    name: str
    keypoints: tuple[str, ...] = ()
    defining: tuple[str, ...] = ()


class CocoImage(Row):
    """An image file, and its class (ours); plain COCO has only the classes of its objects."""

    id: Id
    file_name: str
    label: Id | None = None

    @field_validator("file_name")
    @classmethod
    def _inside(cls, name: str) -> str:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise ValueError("expected a file inside images/")
        return name


class CocoAnnotation(Row):
    """An object: its box (left, top, width, height), mask, keypoints, and parts' masks (ours)."""

    image_id: Id
    category_id: Id
    bbox: tuple[Number, Number, Number, Number]
    segmentation: Any = None
    keypoints: tuple[Number, ...] | None = None
    parts: dict[str, Any] | None = None

    @field_validator("bbox")
    @classmethod
    def _has_area(cls, box: tuple[float, ...]) -> tuple[float, ...]:
        if min(box[2:]) <= 0:
            raise ValueError("expected width and height above 0")
        return box


@dataclass(frozen=True)
class CocoDocument:
    """The rows of a document that can be used; `notes` count and name those that cannot."""

    images: list[CocoImage]
    categories: list[CocoCategory]
    annotations: list[CocoAnnotation]
    notes: tuple[str, ...]


def read_coco(file: Path) -> CocoDocument:
    """The annotations in a COCO file. Raises InputError for what is not COCO JSON."""
    document = read_json(file)
    lists = ("images", "categories", "annotations")
    if not isinstance(document, dict) or not all(
        isinstance(document.get(key), list) for key in lists
    ):
        raise InputError(f"{file}: expected COCO JSON with lists of {', '.join(lists)}")
    images, no_images = _rows(CocoImage, document["images"])
    categories, no_categories = _rows(CocoCategory, document["categories"])
    known, pictured = {each.id for each in categories}, {each.id for each in images}
    annotations, no_annotations = _rows(
        CocoAnnotation,
        document["annotations"],
        lambda each: (
            f"category_id: found {each.category_id!r}, which no category has"
            if each.category_id not in known
            else f"image_id: found {each.image_id!r}, which no image has"
            if each.image_id not in pictured
            else ""
        ),
    )
    left = zip(lists, (no_images, no_categories, no_annotations), strict=True)
    notes = tuple(
        f"{len(wrong)} {key} of {file.name} were left out ({'; '.join(wrong[:NAMED])})"
        for key, wrong in left
        if wrong
    )
    return CocoDocument(images, categories, annotations, notes)


def _rows(
    kind: type[Entry], listed: list[Any], wrong: Callable[[Entry], str] = lambda _: ""
) -> tuple[list[Entry], list[str]]:
    """The rows that can be used, and why each other one cannot."""
    found, left_out = [], []
    for number, each in enumerate(listed):
        try:
            row = kind.model_validate(each)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "row"
            left_out.append(f"number {number}: {where}: {problem['msg'].lower()}")
            continue
        if reason := wrong(row):
            left_out.append(f"number {number}: {reason}")
        else:
            found.append(row)
    return found, left_out


def keypoints(centres: dict[str, tuple[float, float]], names: list[str]) -> Json:
    """COCO's flat [x, y, v, ...] over all part names; v = 2 where the part is seen."""
    flat: list[float] = []
    for name in names:
        flat += [*centres[name], 2] if name in centres else [0, 0, 0]
    return {"keypoints": flat, "num_keypoints": len(centres)}


def run_lengths(mask: np.ndarray | None) -> Json | None:
    """A mask (H, W) bool as COCO's uncompressed run lengths: by columns, the off pixels first."""
    if mask is None:
        return None
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    first = [0] if flat[0] else []
    counts = np.diff(np.concatenate([[0], edges, [flat.size]]))
    return {"size": list(mask.shape), "counts": first + counts.tolist()}


def to_mask(segmentation: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """The mask (H, W) bool that run lengths or polygons describe; None for an empty one.

    Raises InputError for what describes no mask of an image of `shape` (H, W).
    """
    if not segmentation:
        return None
    if isinstance(segmentation, list):
        return _fill(segmentation, shape)
    if not isinstance(segmentation, dict):
        raise InputError(f"found {type(segmentation).__name__}; expected polygons or run lengths")
    counts, size = segmentation.get("counts"), segmentation.get("size")
    if isinstance(counts, str):
        raise InputError(
            "found compressed run lengths; expected polygons or uncompressed counts; "
            "convert them with pycocotools"
        )
    if size != list(shape):
        raise InputError(f"found run lengths of size {size}; expected the image's {list(shape)}")
    listed = counts if isinstance(counts, list) else []
    whole = all(type(each) is int and each >= 0 for each in listed)
    if not whole or sum(listed) != shape[0] * shape[1]:
        raise InputError(f"found run lengths that do not add up to {shape[0]} x {shape[1]} pixels")
    flat = np.repeat(np.arange(len(listed)) % 2 == 1, listed)
    return flat.reshape(shape[1], shape[0]).T


def _fill(polygons: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    import cv2

    canvas = np.zeros(shape, np.uint8)
    for polygon in polygons:
        try:
            corners = np.array(polygon, np.float64).reshape(-1, 2)
        except (TypeError, ValueError) as error:
            raise InputError("found a polygon that is no list of x, y, x, y, ...") from error
        if not len(corners):
            raise InputError("found a polygon without corners")
        if not (np.abs(corners) <= LARGEST).all():
            raise InputError("found a polygon with corners far outside of the image")
        cv2.fillPoly(canvas, [np.round(corners - 0.5).astype(np.int32)], (1,))
    return canvas.astype(bool)
