"""Data sets: images with their class and, where known, boxes, masks and part positions."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError, PluginError, blamed
from interp.short import fields_repr, short
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
from interp.storage.image import SUFFIXES, LoadedImage, images_in, read_image, split_page

Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels."""


@dataclass(frozen=True, eq=False, repr=False)
class Part:
    """A named part of an object, such as a head."""

    name: str
    centre: tuple[float, float]
    """(x, y) in pixels."""
    mask: np.ndarray | None
    """(H, W) bool, where it is known."""
    defining: bool = False
    """Whether this part tells the object's class from others."""

    def __repr__(self) -> str:
        return fields_repr(self)


@dataclass(frozen=True, eq=False, repr=False)
class Instance:
    """An object in an image: its class, and where it lies."""

    label: int
    """Index among the data set's classes."""
    box: Box
    mask: np.ndarray | None
    """(H, W) bool, where it is known."""
    parts: tuple[Part, ...] = ()

    def __repr__(self) -> str:
        return fields_repr(self)


@dataclass(frozen=True, eq=False, repr=False)
class Example:
    """An image and what is known of it."""

    name: str
    image: np.ndarray
    """(H, W, 3) uint8 RGB, or (H, W, C) float32 in [0, 1] for a model of other channels."""
    label: int | None
    """Index among the data set's classes; None where the class is not known."""
    instances: tuple[Instance, ...] = ()
    notes: tuple[str, ...] = ()
    """What was assumed or left out in reading the image, one sentence each."""
    whole: LoadedImage | None = None
    """All channels of an image of more than three, of which `image` shows a part."""

    def __repr__(self) -> str:
        return fields_repr(self)


class Dataset(ABC):
    """A finite sequence of examples over named classes.

    An image is read when its example is; InputError is raised where that fails.
    """

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; empty where no class is known."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of names and annotation, cheap: no image is read."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of the data set as it was opened, one sentence each."""
        return ()

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Example: ...

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__repr__" not in cls.__dict__:  # a dataclass would show every image
            cls.__repr__ = Dataset.__repr__  # type: ignore[method-assign]
        if "__getitem__" in cls.__dict__:
            cls.__getitem__ = _checked(cls.__getitem__)  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} images, classes: {short(self.classes)})"

    def __iter__(self) -> Iterator[Example]:
        return (self[index] for index in range(len(self)))


def _checked(read: Callable[[Any, int], Example]) -> Callable[[Any, int], Example]:
    """Reading one example, where any other error than ours names the data set and the example."""

    @wraps(read)
    def checked(dataset: Any, index: int) -> Example:
        kind = type(dataset)
        with blamed(f"data set {kind.__module__}:{kind.__qualname__}", f"failed at image {index}"):
            found = read(dataset, index)
        if not isinstance(found, Example):
            raise PluginError(
                f"data set {kind.__module__}:{kind.__qualname__} gave {type(found).__name__} as "
                f"image {index}; expected an interp.dataset.Example"
            )
        return found

    return checked


@dataclass(frozen=True, eq=False)
class ImageArrays(Dataset):
    """Images in memory, of no known class: whatever read_image reads."""

    images: Sequence[Any]
    names: Sequence[str]
    classes = ()

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(b"".join(each.pixels.tobytes() for each in self._read)).hexdigest()

    @cached_property
    def _read(self) -> list[LoadedImage]:
        return [read_image(each) for each in self.images]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Example:
        found = self._read[index]
        return Example(self.names[index], found.pixels, None, (), found.notes, found.whole)


@dataclass(frozen=True, eq=False)
class ImageFiles(Dataset):
    """Image files, called by `names` or else as the files are.

    Where they are `labelled`, each one's class is the name of the folder that it lies in.
    """

    files: tuple[Path, ...]
    names: tuple[str, ...] = ()
    labelled: bool = False
    notes: tuple[str, ...] = ()

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The folders' names, in alphabetical order."""
        folders = {_readable(each.parent.name) for each in self.files}
        return tuple(sorted(folders)) if self.labelled else ()

    @property
    def fingerprint(self) -> str:
        folders = [f"{each.parent.name}/" if self.labelled else "" for each in self.files]
        facts = [
            f"{folder}{each.name}/{_size(split_page(each)[0])}"
            for folder, each in zip(folders, self.files, strict=True)
        ]
        return hashlib.sha256(os.fsencode("\n".join(facts))).hexdigest()

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Example:
        file = self.files[index]
        label = self.classes.index(_readable(file.parent.name)) if self.labelled else None
        name = self.names[index] if self.names else _readable(file.stem)
        found = read_image(file)
        return Example(name, found.pixels, label, (), found.notes, found.whole)


def _size(file: Path) -> int | str:
    """A file's size in bytes; of a link that leads nowhere, none."""
    try:
        return file.stat().st_size
    except OSError:
        return "none"


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
    def fingerprint(self) -> str:
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    def __len__(self) -> int:
        return len(self.document.images)

    def __getitem__(self, index: int) -> Example:
        entry = self.document.images[index]
        read = read_image(self.folder / entry.file_name)
        instances, notes = [], list(read.notes)
        for annotation in self._annotations.get(entry.id, []):
            try:
                instances.append(self._instance(annotation, read.pixels.shape[:2]))
            except InputError as error:
                notes.append(f"an object was left out: {error}")
        name, label = _readable(Path(entry.file_name).stem), self._label(entry, instances)
        return Example(name, read.pixels, label, tuple(instances), tuple(notes), read.whole)

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


@dataclass(frozen=True, eq=False)
class WholeImages(Dataset):
    """A data set whose images have all channels, for a model that takes as many."""

    dataset: Dataset
    channels: int

    @property
    def notes(self) -> tuple[str, ...]:
        return self.dataset.notes

    @property
    def classes(self) -> tuple[str, ...]:
        return self.dataset.classes

    @property
    def fingerprint(self) -> str:
        return self.dataset.fingerprint

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Example:
        example = self.dataset[index]
        found = LoadedImage(example.image, example.notes, example.whole).of(self.channels)
        return replace(example, image=found.pixels, notes=found.notes, whole=found.whole)


def for_channels(dataset: Dataset, channels: int) -> Dataset:
    """The data set as a model sees it that takes images of so many channels."""
    return dataset if channels == 3 else WholeImages(dataset, channels)


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


def _readable(name: str) -> str:
    """A file's name as text that can be written; what is no UTF-8 becomes a question mark."""
    return os.fsencode(name).decode("utf-8", "replace").replace("\ufffd", "?")


def open_dataset(path: str | Path) -> Dataset:
    """The images in a folder: annotations.json beside images/, class folders, or images alone.

    Other formats are opened by registered readers: give their path to what takes `data`. Raises
    InputError for a folder that is missing or holds no image.
    """
    path = Path(path)
    dataset: Dataset
    if (path / DOCUMENT).is_file():
        dataset = CocoFile(path / DOCUMENT, path / "images")
    else:
        loose = len(images_in(path, "*"))
        note = f"{loose} images beside the class folders of {path} were left out"
        dataset = ImageFiles(images_in(path, "*/*"), (), True, (note,) if loose else ())
    if not len(dataset):
        dataset = ImageFiles(images_in(path, "*"))
    if not path.is_dir() or not len(dataset):
        raise InputError(
            f"found {'no images in' if path.is_dir() else 'no folder'} {path}; expected "
            f"{DOCUMENT} beside images/, one folder per class, or images without classes "
            f"({', '.join(SUFFIXES)}); check the path"
        )
    return dataset


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


NAMED = 3
"""How many unreadable images a note names; the others are counted."""


@dataclass
class TolerantReader:
    """Reads a data set in any order, and notes the images that cannot be read.

    `assumed`: by note on how an image was read, the names of the images.
    """

    dataset: Dataset
    unreadable: list[str] = field(default_factory=list)
    assumed: dict[str, list[str]] = field(default_factory=dict)

    def examples(self, order: Iterable[int] | None = None) -> Iterator[tuple[int, Example | None]]:
        """(index, example) in this order, by default the data set's; None for an unreadable one."""
        for index in range(len(self.dataset)) if order is None else order:
            try:
                example = self.dataset[index]
            except InputError as error:
                self.unreadable.append(str(error))
                yield index, None
            else:
                self.assume(example.name, example.notes)
                yield index, example

    def assume(self, name: str, notes: Iterable[str]) -> None:
        """Record the notes on how an image was read, each once."""
        for note in notes:
            names = self.assumed.setdefault(note, [])
            if name not in names:
                names.append(name)

    def notes(self) -> list[str]:
        """What was left out, and what was assumed; nothing where all could be read as they are."""
        named = "; ".join(self.unreadable[:NAMED])
        found = [f"{len(self.unreadable)} unreadable images were left out ({named})"]
        left_out = found if self.unreadable else ()
        return [*self.dataset.notes, *left_out, *reading_notes(self.assumed)]


def reading_notes(assumed: Mapping[str, Sequence[str]]) -> list[str]:
    """Notes on how images were read, each with the images' names; the first few of many."""
    found = []
    for note, names in list(assumed.items())[:NAMED]:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        found.append(f"{', '.join(names[:NAMED])}{more}: {note}")
    left = {name for names in list(assumed.values())[NAMED:] for name in names}
    return [*found, f"{len(left)} images have further notes of this kind"] if left else found
