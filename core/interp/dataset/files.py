"""Data sets of images in memory and in folders."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from interp.dataset.coco import CocoFile
from interp.dataset.example import Dataset, Example
from interp.errors import InputError
from interp.storage.coco import DOCUMENT
from interp.storage.image import SUFFIXES, LoadedImage, images_in, read_image, readable, split_page

SHORT = 16
"""Letters of an image's fingerprint."""


@dataclass(frozen=True, eq=False)
class ImageArrays(Dataset):
    """Images in memory, of no known class: whatever read_image reads."""

    images: Sequence[Any]
    names: Sequence[str]
    classes = ()
    truths = frozenset()

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

    @property
    def truths(self) -> frozenset[str]:
        return frozenset({"label"} if self.labelled else ())

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The folders' names, in alphabetical order."""
        folders = {readable(each.parent.name) for each in self.files}
        return tuple(sorted(folders)) if self.labelled else ()

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(b"\n".join(self._facts())).hexdigest()

    @property
    def image_fingerprints(self) -> tuple[str, ...]:
        return tuple(hashlib.sha256(each).hexdigest()[:SHORT] for each in self._facts())

    def _facts(self) -> Iterator[bytes]:
        """Of each image its class, the file's name and its size."""
        for each in self.files:
            folder = f"{each.parent.name}/" if self.labelled else ""
            yield os.fsencode(f"{folder}{each.name}/{_size(split_page(each)[0])}")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Example:
        file = self.files[index]
        label = self.classes.index(readable(file.parent.name)) if self.labelled else None
        name = self.names[index] if self.names else readable(file.stem)
        found = read_image(file)
        own = "" if self.names and Path(name) != file else str(file)  # samples go by their names
        return Example(name, found.pixels, label, (), found.notes, found.whole, own)


def _size(file: Path) -> int | str:
    """A file's size in bytes; of a link that leads nowhere, none."""
    try:
        return file.stat().st_size
    except OSError:
        return "none"


@dataclass(frozen=True, eq=False)
class WholeImages(Dataset):
    """A data set whose images have all channels, for a model that takes as many."""

    dataset: Dataset
    channels: int

    @property
    def notes(self) -> tuple[str, ...]:
        return self.dataset.notes

    @property
    def truths(self) -> frozenset[str] | None:
        return self.dataset.truths

    @property
    def classes(self) -> tuple[str, ...]:
        return self.dataset.classes

    @property
    def fingerprint(self) -> str:
        return self.dataset.fingerprint

    @property
    def image_fingerprints(self) -> tuple[str, ...]:
        return self.dataset.image_fingerprints

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Example:
        example = self.dataset[index]
        found = LoadedImage(example.image, example.notes, example.whole).of(self.channels)
        return replace(example, image=found.pixels, notes=found.notes, whole=found.whole)


def for_channels(dataset: Dataset, channels: int) -> Dataset:
    """The data set as a model sees it that takes images of so many channels."""
    return dataset if channels == 3 else WholeImages(dataset, channels)


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
