"""Pascal VOC: a folder with Annotations/*.xml and JPEGImages/, boxes around named objects."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree.ElementTree import Element

from interp.dataset import Box, Dataset, Example, Instance
from interp.errors import InputError
from interp.storage.image import SUFFIXES, read_image
from interp_standard.reader.xml_file import read_xml

ANNOTATIONS, IMAGES = "Annotations", "JPEGImages"
NAMED = 3
"""How many files and objects that cannot be used a note names; the others are counted."""


def open_voc(path: Path) -> VocFolder:
    """The annotated images of a folder. Raises InputError where it has no JPEGImages/."""
    if not (path / IMAGES).is_dir():
        raise InputError(f"{path}: found no folder {IMAGES}/; expected it beside {ANNOTATIONS}/")
    return VocFolder(path)


@dataclass(frozen=True)
class Row:
    """An annotated image: its file, and its objects' names and boxes as they are written."""

    stem: str
    file: str
    objects: tuple[tuple[str, Box], ...]


@dataclass(frozen=True, eq=False)
class VocFolder(Dataset):
    """The images that Annotations/ describes; an image's class is that of its largest object."""

    path: Path
    truths = frozenset({"label", "box"})

    @cached_property
    def _read(self) -> tuple[list[Row], list[str]]:
        """The files that can be used, and why each other file or object cannot."""
        rows, left_out = [], []
        for file in sorted((self.path / ANNOTATIONS).glob("*.xml")):
            try:
                row, wrong = _row(file)
            except InputError as error:
                left_out.append(str(error))
                continue
            rows.append(row)
            left_out += wrong
        return rows, left_out

    @property
    def notes(self) -> tuple[str, ...]:
        """How boxes were read, and what was left out."""
        _, left_out = self._read
        notes = [
            f"pixels of the boxes were counted from {self._shift}, and the last one is inside",
            "an image's class is that of its largest object",
        ]
        if left_out:
            named = "; ".join(left_out[:NAMED])
            notes.append(f"{len(left_out)} annotations were left out ({named})")
        return tuple(notes)

    @cached_property
    def _shift(self) -> int:
        """What is taken from left and top: 1, unless a box begins at 0, as other tools write."""
        starts = [side for row in self._read[0] for _, box in row.objects for side in box[:2]]
        return 0 if any(side < 1 for side in starts) else 1

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of all objects, in alphabetical order."""
        return tuple(sorted({name for row in self._read[0] for name, _ in row.objects}))

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(repr(self._read[0]).encode("utf-8", "surrogatepass")).hexdigest()

    def __len__(self) -> int:
        return len(self._read[0])

    def __getitem__(self, index: int) -> Example:
        row = self._read[0][index]
        file = self._file(row)
        found = read_image(file)
        height, width = found.pixels.shape[:2]
        instances, notes = [], list(found.notes)
        for name, box in row.objects:
            inside = self._inside(box, width, height)
            if inside is None:
                notes.append(f"an object was left out: {name} {box} is outside of the image")
            else:
                instances.append(Instance(self.classes.index(name), inside, None))
        label = max(instances, key=_area).label if instances else None
        objects = tuple(instances)
        return Example(row.stem, found.pixels, label, objects, tuple(notes), found.whole, str(file))

    def _inside(self, box: Box, width: int, height: int) -> Box | None:
        """The part of a written box in an image, in pixels from 0; None where there is none."""
        left, top, right, bottom = box
        more = 1 - self._shift  # the last pixel is inside
        found = (
            max(left - self._shift, 0.0),
            max(top - self._shift, 0.0),
            min(right + more, float(width)),
            min(bottom + more, float(height)),
        )
        return found if found[0] < found[2] and found[1] < found[3] else None

    def _file(self, row: Row) -> Path:
        """The image that an annotation names, else the one of the annotation's own name."""
        folder = self.path / IMAGES
        named = folder / row.file
        if row.file and named.is_file():
            return named
        own = (folder / f"{row.stem}{suffix}" for suffix in SUFFIXES)
        return next(
            (each for each in own if each.is_file()),
            named if row.file else folder / f"{row.stem}.jpg",
        )


def _area(instance: Instance) -> float:
    left, top, right, bottom = instance.box
    return (right - left) * (bottom - top)


def _row(file: Path) -> tuple[Row, list[str]]:
    """What an annotation says, and the objects in it that cannot be used."""
    root = read_xml(file)
    if root.tag != "annotation":
        raise InputError(f"{file.name}: found <{root.tag}>; expected <annotation>")
    objects, wrong = [], []
    for number, each in enumerate(root.findall("object")):
        name, box = (each.findtext("name") or "").strip(), _box(each)
        if name and box is not None:
            objects.append((name, box))
        else:
            wrong.append(f"{file.name}: object {number}: expected a name and a box with an area")
    file_name = Path((root.findtext("filename") or "").strip()).name
    return Row(file.stem, file_name, tuple(objects)), wrong


def _box(element: Element) -> Box | None:
    """(left, top, right, bottom) as written, the last pixel inside; None where it is none."""
    sides = [element.findtext(f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")]
    try:
        left, top, right, bottom = (float(each or "") for each in sides)
    except ValueError:
        return None
    whole = all(math.isfinite(each) for each in (left, top, right, bottom))
    return (left, top, right, bottom) if whole and left <= right and top <= bottom else None
