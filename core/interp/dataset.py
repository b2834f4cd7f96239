"""Data sets: images with label and, where known, boxes, masks and part positions."""

from __future__ import annotations

import hashlib
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError
from interp.storage.image import open_image

Box = tuple[float, float, float, float]  # (left, top, right, bottom) in pixels
Json = dict[str, Any]
SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True, eq=False)
class Part:
    name: str
    centre: tuple[float, float]  # (x, y) in pixels
    mask: np.ndarray | None  # (H, W) bool
    defining: bool = False  # whether it tells the class


@dataclass(frozen=True, eq=False)
class Instance:
    label: int
    box: Box
    mask: np.ndarray | None  # (H, W) bool
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, eq=False)
class Example:
    name: str
    image: np.ndarray  # (H, W, 3) uint8 RGB
    label: int | None
    instances: tuple[Instance, ...] = ()


class Dataset(ABC):
    """A finite sequence of examples over named classes."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]: ...

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of names and annotation, cheap: no image is read."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Example: ...

    def __iter__(self) -> Iterator[Example]:
        return (self[index] for index in range(len(self)))


@dataclass(frozen=True, eq=False)
class ClassFolder(Dataset):
    """DIR/<class name>/*.png or *.jpg; classes in alphabetical order."""

    path: Path

    @cached_property
    def files(self) -> tuple[Path, ...]:
        found = sorted(self.path.glob("*/*"))
        return tuple(file for file in found if file.suffix.lower() in SUFFIXES)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted({file.parent.name for file in self.files}))

    @property
    def fingerprint(self) -> str:
        names = [f"{file.parent.name}/{file.name}/{file.stat().st_size}" for file in self.files]
        return hashlib.sha256("\n".join(names).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Example:
        file = self.files[index]
        return Example(file.stem, open_image(file), self.classes.index(file.parent.name))


@dataclass(frozen=True, eq=False)
class ImageFiles(Dataset):
    """Image files of no known class, named as given or else by the file."""

    files: tuple[Path, ...]
    names: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        return ()

    @property
    def fingerprint(self) -> str:
        names = [f"{file.name}/{file.stat().st_size}" for file in self.files]
        return hashlib.sha256("\n".join(names).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Example:
        file = self.files[index]
        name = self.names[index] if self.names else file.stem
        return Example(name, open_image(file), None)


@dataclass(frozen=True, eq=False)
class CocoFolder(Dataset):
    """DIR/annotations.json in COCO's format beside DIR/images."""

    path: Path

    @cached_property
    def document(self) -> Json:
        return _read_document(self.path / "annotations.json")

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return tuple(category["name"] for category in self.document["categories"])

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256((self.path / "annotations.json").read_bytes()).hexdigest()

    def __len__(self) -> int:
        return len(self.document["images"])

    def __getitem__(self, index: int) -> Example:
        entry = self.document["images"][index]
        image = open_image(self.path / "images" / entry["file_name"])
        found = self._annotations.get(entry["id"], [])
        name = Path(entry["file_name"]).stem
        try:
            instances = tuple(self._instance(one, image.shape[:2]) for one in found)
            return Example(name, image, self._label(entry, instances), instances)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"found an annotation of {name} that cannot be read ({error!r}); expected COCO's "
                f"bbox, category_id, segmentation and keypoints; export {self.path} again"
            ) from error

    @cached_property
    def _annotations(self) -> dict[int, list[Json]]:
        grouped: dict[int, list[Json]] = {}
        for annotation in self.document["annotations"]:
            grouped.setdefault(annotation["image_id"], []).append(annotation)
        return grouped

    @cached_property
    def _positions(self) -> dict[int, int]:
        return {category["id"]: n for n, category in enumerate(self.document["categories"])}

    def _label(self, entry: Json, instances: tuple[Instance, ...]) -> int | None:
        """The image's own `label`, which plain COCO has not, else the class of the largest box."""
        if "label" in entry:
            return None if entry["label"] is None else self._positions[entry["label"]]
        return max(instances, key=_area).label if instances else None

    def _instance(self, annotation: Json, shape: tuple[int, ...]) -> Instance:
        position = self._positions[annotation["category_id"]]
        left, top, width, height = annotation["bbox"]
        category = self.document["categories"][position]
        mask = _mask(annotation.get("segmentation"), shape)
        box = (left, top, left + width, top + height)
        return Instance(position, box, mask, _parts(category, annotation, shape))


def open_dataset(path: str | Path) -> Dataset:
    """A COCO folder, a folder of class folders, or else one of images without classes."""
    path = Path(path)
    if (path / "annotations.json").is_file():
        dataset: Dataset = CocoFolder(path)
    else:
        dataset = ClassFolder(path)
    if not len(dataset):
        dataset = ImageFiles(_images_in(path))
    if not path.is_dir() or not len(dataset):
        raise InputError(
            f"found {'no images in' if path.is_dir() else 'no folder'} {path}; expected "
            f"annotations.json beside images/, one folder per class, or images without classes "
            f"({', '.join(SUFFIXES)}); check the path"
        )
    return dataset


def _images_in(folder: Path) -> tuple[Path, ...]:
    return tuple(file for file in sorted(folder.glob("*")) if file.suffix.lower() in SUFFIXES)


def write_coco(
    dataset: Dataset,
    directory: str | Path,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write images and annotations; `directory` appears whole or not at all."""
    directory = Path(directory)
    if directory.exists():
        raise InputError(f"found {directory} in place; expected a new folder; choose another name")
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / "images").mkdir(parents=True)
        document = _document(dataset, partial / "images", progress)
        (partial / "annotations.json").write_text(json.dumps(document))
        partial.rename(directory)
    except OSError as error:
        raise InputError(
            f"found {directory} not writable ({error.strerror}); expected a folder that can be "
            f"created; choose another"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return directory


def _document(dataset: Dataset, folder: Path, progress: Callable[[int, int], None] | None) -> Json:
    """Write every image and return the annotations of all."""
    images: list[Json] = []
    annotations: list[Json] = []
    for number, example in enumerate(dataset, 1):
        images.append(_write_image(example, number, folder))
        for instance in example.instances:
            annotations.append(_encoded(instance, number, len(annotations) + 1))
        if progress:
            progress(number, len(dataset))
    names = list(dict.fromkeys(name for one in annotations for name in one["parts"]))
    told = {name for one in annotations for name in one.pop("defining")}
    defining = [name for name in names if name in told]
    for annotation in annotations:
        annotation |= _keypoints(annotation.pop("centres"), names)
    categories = [
        {"id": number, "name": name, "keypoints": names, "skeleton": [], "defining": defining}
        for number, name in enumerate(dataset.classes, 1)
    ]
    return {"images": images, "categories": categories, "annotations": annotations}


def _write_image(example: Example, number: int, folder: Path) -> Json:
    import cv2

    file = folder / f"{example.name}.png"
    if file.exists():
        raise InputError(f"found two images named {example.name}; expected one each; rename one")
    written, data = cv2.imencode(".png", example.image[..., ::-1])
    if not written:
        raise InputError(f"found an image of {example.image.shape}; expected (H, W, 3) uint8")
    file.write_bytes(data.tobytes())
    height, width = example.image.shape[:2]
    label = None if example.label is None else example.label + 1
    size = {"width": width, "height": height}
    return {"id": number, "file_name": file.name, **size, "label": label}


def _encoded(instance: Instance, image: int, number: int) -> Json:
    left, top, right, bottom = instance.box
    area = (right - left) * (bottom - top) if instance.mask is None else instance.mask.sum()
    return {
        "id": number,
        "image_id": image,
        "category_id": instance.label + 1,
        "bbox": [left, top, right - left, bottom - top],
        "area": float(area),
        "iscrowd": 0,
        "segmentation": _runs(instance.mask),
        "parts": {part.name: _runs(part.mask) for part in instance.parts},
        "centres": {part.name: part.centre for part in instance.parts},
        "defining": [part.name for part in instance.parts if part.defining],
    }


def _keypoints(centres: dict[str, tuple[float, float]], names: list[str]) -> Json:
    """COCO's flat [x, y, v, ...] over all names; v = 2 where the part is seen."""
    flat: list[float] = []
    for name in names:
        flat += [*centres[name], 2] if name in centres else [0, 0, 0]
    return {"keypoints": flat, "num_keypoints": len(centres)}


def _runs(mask: np.ndarray | None) -> Json | None:
    """COCO's uncompressed run lengths: columns first, starting with the off pixels."""
    if mask is None:
        return None
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    first = [0] if flat[0] else []
    counts = np.diff(np.concatenate([[0], edges, [flat.size]]))
    return {"size": list(mask.shape), "counts": first + counts.tolist()}


def _mask(segmentation: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """A mask from run lengths or from COCO's polygons."""
    if not segmentation:
        return None
    if isinstance(segmentation, list):
        return _filled(segmentation, shape)
    counts = segmentation["counts"]
    if isinstance(counts, str):
        raise InputError(
            "found compressed run lengths; expected polygons or uncompressed counts; "
            "convert them with pycocotools"
        )
    height, width = segmentation["size"]
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(width, height).T


def _filled(polygons: list[list[float]], shape: tuple[int, ...]) -> np.ndarray:
    import cv2

    canvas = np.zeros(shape, np.uint8)
    for polygon in polygons:
        corners = np.round(np.array(polygon).reshape(-1, 2) - 0.5).astype(np.int32)
        cv2.fillPoly(canvas, [corners], (1,))
    return canvas.astype(bool)


def _parts(category: Json, annotation: Json, shape: tuple[int, ...]) -> tuple[Part, ...]:
    """Parts in the order they were written; of plain COCO, every keypoint that is labelled.

    The category's `defining`, which plain COCO has not, names the parts that tell the class.
    """
    flat = annotation.get("keypoints") or []
    triples = zip(category.get("keypoints", []), flat[0::3], flat[1::3], flat[2::3], strict=False)
    places = {name: (x, y) for name, x, y, seen in triples if seen}
    masks = annotation.get("parts") or dict.fromkeys(places)
    defining = category.get("defining", [])
    return tuple(
        Part(name, places[name], _mask(runs, shape), name in defining)
        for name, runs in masks.items()
    )


def _read_document(file: Path) -> Json:
    try:
        document = json.loads(file.read_text())
        lists = [document[key] for key in ("images", "categories", "annotations")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"found {file} unreadable ({error!r}); expected COCO JSON with images, categories "
            f"and annotations; export it again"
        ) from error
    if not all(isinstance(entries, list) for entries in lists):
        raise InputError(f"found {file} without lists; expected COCO JSON; export it again")
    return dict(document)


def _area(instance: Instance) -> float:
    left, top, right, bottom = instance.box
    return (right - left) * (bottom - top)


NAMED = 3
"""Unreadable images that are named; the others are counted."""


@dataclass
class TolerantReader:
    """One way through a data set, and what could not be read on it."""

    dataset: Dataset
    unreadable: list[str] = field(default_factory=list)

    def examples(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Example | None]]:
        """(index, example) in this order, by default the data's; None for an unreadable one."""
        for index in range(len(self.dataset)) if order is None else order:
            try:
                yield index, self.dataset[index]
            except InputError as error:
                self.unreadable.append(str(error))
                yield index, None

    def notes(self) -> list[str]:
        """What was left out, for people; nothing where all could be read."""
        if not self.unreadable:
            return []
        named = "; ".join(self.unreadable[:NAMED])
        return [f"{len(self.unreadable)} unreadable images were left out ({named})"]
