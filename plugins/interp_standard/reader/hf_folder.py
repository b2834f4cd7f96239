"""Data sets of Hugging Face's `datasets`, saved by save_to_disk, with a column of images."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.dataset import Dataset, Example
from interp.errors import InputError
from interp.storage.image import read_image

SPLITS = "dataset_dict.json"
"""The file of a folder that holds a data set for each split."""
ABOUT = ("state.json", "dataset_info.json")
"""Files that say what a saved data set is."""
LABELS = ("label", "labels", "class", "target", "fine_label")
"""Names of columns of classes, where none is a ClassLabel; the first that is there counts."""


@dataclass(frozen=True, eq=False)
class HuggingFaceFolder(Dataset):
    """The rows of a saved data set; `rows` gives an image as its file's bytes or path."""

    path: Path
    rows: Any
    image: str
    labels: tuple[int | None, ...] | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    truths = frozenset({"label"})

    @property
    def fingerprint(self) -> str:
        """Of the files that describe the data set, which name its content, and of its labels."""
        digest = hashlib.sha256(repr((self.image, self.labels, self.classes)).encode())
        for name in ABOUT:
            if (self.path / name).is_file():
                digest.update((self.path / name).read_bytes())
        for each in sorted(self.path.glob("*.arrow")):
            digest.update(f"{each.name} {each.stat().st_size}".encode())
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Example:
        at = range(len(self))[index]  # raises IndexError, which ends a loop
        name = f"{self.path.name}-{at:0{len(str(len(self) - 1))}d}"
        found = read_image(_picture(self.rows[at][self.image], name))
        label = None if self.labels is None else self.labels[at]
        return Example(name, found.pixels, label, (), found.notes, found.whole)


def _picture(held: Any, name: str) -> Any:
    """What read_image takes: the picture in a row's bytes, else the file that it names."""
    from PIL import Image, UnidentifiedImageError

    held = held or {}
    if held.get("bytes"):
        try:
            return Image.open(io.BytesIO(held["bytes"]))
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
            raise InputError(f"{name}: the image is damaged or too large ({error})") from error
    if held.get("path"):
        return Path(held["path"])
    raise InputError(f"{name}: the row holds no image")


def open_saved(path: Path) -> HuggingFaceFolder:
    """The images of a folder that save_to_disk wrote.

    Raises InputError without `datasets`, for a folder of several splits, of which one is to be
    named, and for data without a column of images.
    """
    if (path / SPLITS).is_file():
        splits = sorted(each.parent.name for each in path.glob("*/dataset_info.json"))
        raise InputError(
            f"{path}: found the splits {', '.join(splits) or 'none'}; name one, as in "
            f"{path / (splits[0] if splits else 'train')}"
        )
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            f"{path}: data sets of Hugging Face need the package datasets, which is not installed; "
            "pip install 'interp[datasets]'"
        ) from error
    try:
        rows = datasets.load_from_disk(str(path))
    except Exception as error:  # of its own, pyarrow's and the system's
        reason = (str(error).splitlines() or ["damaged"])[0][:150]
        raise InputError(f"{path}: cannot be read as a data set of datasets ({reason})") from error
    return _opened(path, rows, datasets)


def _opened(path: Path, rows: Any, datasets: Any) -> HuggingFaceFolder:
    """The data set, with its columns found."""
    features = dict(rows.features)
    images = [name for name, each in features.items() if isinstance(each, datasets.Image)]
    if not images:
        raise InputError(
            f"{path}: found the columns {', '.join(list(features)[:12]) or 'none'}, none of them "
            "images; cast one with cast_column(NAME, datasets.Image()) and save again"
        )
    named = [name for name, each in features.items() if isinstance(each, datasets.ClassLabel)]
    by = next(iter([*named, *(each for each in LABELS if each in features)]), None)
    told = "no column of classes was found" if by is None else f"classes from {by!r}"
    notes = [f"images were taken from the column {images[0]!r}, {told}"]
    undecoded = rows.select_columns(images[:1]).with_format(None)
    undecoded = undecoded.cast_column(images[0], datasets.Image(decode=False))
    if by is None:
        return HuggingFaceFolder(path, undecoded, images[0], notes=tuple(notes))
    values = rows.with_format(None)[by][:]
    classes = tuple(features[by].names) if named else _names(values)
    numbers = tuple(_numbers(values, classes, bool(named)))
    if missing := numbers.count(None):
        notes.append(f"{missing} images have no class")
    return HuggingFaceFolder(path, undecoded, images[0], numbers, classes, tuple(notes))


def _names(values: Sequence[object]) -> tuple[str, ...]:
    """The classes of a column of numbers or names, numbers in their order."""
    found = {each for each in values if isinstance(each, int | str)}
    order = sorted(found, key=lambda each: (isinstance(each, str), each))
    return tuple(map(str, order))


def _numbers(
    values: Sequence[object], classes: Sequence[str], numbered: bool
) -> Iterator[int | None]:
    """Each row's class; None for none, which a ClassLabel writes as -1."""
    known = {name: at for at, name in enumerate(classes)}
    for each in values:
        if numbered:
            yield each if isinstance(each, int) and 0 <= each < len(classes) else None
        else:
            yield known.get(str(each))
