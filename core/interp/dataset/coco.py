"""Data sets in COCO's format, read and written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from interp.dataset.example import Dataset, Example, Instance, Part
from interp.errors import InputError
from interp.storage.coco import (
    DOCUMENT,
    CocoAnnotation,
    CocoCategory,
    CocoDocument,
    CocoImage,
    Id,
    Json,
    keypoints,
    read_coco,
    run_lengths,
    to_mask,
)
from interp.storage.folder import new_folder, write_json
from interp.storage.image import read_image, readable


@dataclass(frozen=True, eq=False)
class CocoFile(Dataset):
    """Annotations in COCO's format, and the folder that their images lie in."""

    file: Path
    folder: Path
    assumed: tuple[str, ...] = ()
    """What was assumed in finding the images, one sentence each."""

    @cached_property
    def document(self) -> CocoDocument:
        """The annotations that can be used."""
        return read_coco(self.file)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.assumed, *self.document.notes)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.document.categories)

    @property
    def truths(self) -> frozenset[str]:
        objects = self.document.annotations
        known = {
            "label": bool(objects) or any(each.label is not None for each in self.document.images),
            "box": bool(objects),
            "mask": any(each.segmentation for each in objects),
            "parts": any(each.parts for each in objects),
        }
        return frozenset(name for name, there in known.items() if there)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    def __len__(self) -> int:
        return len(self.document.images)

    def __getitem__(self, index: int) -> Example:
        entry = self.document.images[index]
        file = self.folder / entry.file_name
        read = read_image(file)
        instances, notes = [], list(read.notes)
        for annotation in self._annotations.get(entry.id, []):
            try:
                instances.append(self._instance(annotation, read.pixels.shape[:2]))
            except InputError as error:
                notes.append(f"an object was left out: {error}")
        name, label = readable(Path(entry.file_name).stem), self._label(entry, instances)
        objects = tuple(instances)
        return Example(name, read.pixels, label, objects, tuple(notes), read.whole, str(file))

    @cached_property
    def _annotations(self) -> dict[Id, list[CocoAnnotation]]:
        """The annotations of each image, by the image's id."""
        grouped: dict[Id, list[CocoAnnotation]] = {}
        for each in self.document.annotations:
            grouped.setdefault(each.image_id, []).append(each)
        return grouped

    @cached_property
    def _labels(self) -> dict[Id, int]:
        """The class index of each category, by the category's id."""
        return {each.id: number for number, each in enumerate(self.document.categories)}

    def _label(self, entry: CocoImage, instances: Sequence[Instance]) -> int | None:
        """The image's own `label`, which plain COCO has not, else the class of the largest box."""
        if "label" in entry.model_fields_set:
            return None if entry.label is None else self._labels.get(entry.label)
        return max(instances, key=_area).label if instances else None

    def _instance(self, annotation: CocoAnnotation, shape: tuple[int, ...]) -> Instance:
        label = self._labels[annotation.category_id]
        left, top, width, height = annotation.bbox
        return Instance(
            label,
            (left, top, left + width, top + height),
            to_mask(annotation.segmentation, shape),
            _parts(self.document.categories[label], annotation, shape),
        )


def _area(instance: Instance) -> float:
    left, top, right, bottom = instance.box
    return (right - left) * (bottom - top)


def _parts(
    category: CocoCategory, annotation: CocoAnnotation, shape: tuple[int, ...]
) -> tuple[Part, ...]:
    """Parts in the order they were written; of plain COCO, every keypoint that is labelled.

    The category's `defining`, which plain COCO has not, names the parts that tell the class. A
    part without a keypoint is left out.
    """
    flat = annotation.keypoints or ()
    triples = zip(category.keypoints, flat[0::3], flat[1::3], flat[2::3], strict=False)
    places = {name: (x, y) for name, x, y, seen in triples if seen}
    masks = annotation.parts or dict.fromkeys(places)
    return tuple(
        Part(name, places[name], to_mask(runs, shape), name in category.defining)
        for name, runs in masks.items()
        if name in places
    )


def write_coco(
    dataset: Dataset,
    folder: str | Path,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a data set as a COCO folder, whole or not at all; progress(done, total) per image.

    Returns the folder. Raises InputError where it is not new.
    """
    with new_folder(Path(folder)) as draft:
        (draft / "images").mkdir()
        write_json(draft / DOCUMENT, _document(dataset, draft / "images", progress), indent=None)
    return Path(folder)


def _document(dataset: Dataset, folder: Path, progress: Callable[[int, int], None] | None) -> Json:
    """Write every image into `folder`; the annotations of all."""
    images: list[Json] = []
    annotations: list[Json] = []
    for number, example in enumerate(dataset, 1):
        images.append(_write_image(example, number, folder))
        for instance in example.instances:
            annotations.append(_annotation(instance, number, len(annotations) + 1))
        if progress:
            progress(number, len(dataset))
    names = list(dict.fromkeys(name for each in annotations for name in each["parts"]))
    found = {name for each in annotations for name in each.pop("defining")}
    defining = [name for name in names if name in found]
    for annotation in annotations:
        annotation |= keypoints(annotation.pop("centres"), names)
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


def _annotation(instance: Instance, image: int, number: int) -> Json:
    left, top, right, bottom = instance.box
    return {
        "id": number,
        "image_id": image,
        "category_id": instance.label + 1,
        "bbox": [left, top, right - left, bottom - top],
        "area": float(_area(instance) if instance.mask is None else instance.mask.sum()),
        "iscrowd": 0,
        "segmentation": run_lengths(instance.mask),
        "parts": {part.name: run_lengths(part.mask) for part in instance.parts},
        "centres": {part.name: part.centre for part in instance.parts},
        "defining": [part.name for part in instance.parts if part.defining],
    }
