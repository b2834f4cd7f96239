"""Tables of images: CSV and Parquet files with a column of paths, and one of classes if known."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from interp.dataset import Dataset, Example
from interp.errors import InputError
from interp.storage.image import read_image

PATHS = ("path", "image", "file", "image_path", "file_path", "filepath", "file_name", "filename")
LABELS = ("label", "class", "class_name", "category", "target")
"""Names of columns, whatever the case of their letters; the first that is there counts."""
DELIMITERS = ",;\t|"
OLDEST_ARROW = 15
"""Before this version, pyarrow may run code that a file holds."""


@dataclass(frozen=True, eq=False)
class LabelledFiles(Dataset):
    """Image files and the name of each one's class; None where it is not known."""

    files: tuple[Path, ...]
    labels: tuple[str | None, ...]
    notes: tuple[str, ...] = ()
    truths = frozenset({"label"})

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of all classes, in alphabetical order."""
        return tuple(sorted({each for each in self.labels if each is not None}))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.classes)}

    @cached_property
    def fingerprint(self) -> str:
        rows = zip(self.files, self.labels, strict=True)
        facts = [f"{file.name}/{_size(file)}/{label}" for file, label in rows]
        return hashlib.sha256(os.fsencode("\n".join(facts))).hexdigest()

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Example:
        file, label = self.files[index], self.labels[index]
        found = read_image(file)
        number = None if label is None else self._numbers[label]
        return Example(file.stem, found.pixels, number, (), found.notes, found.whole, str(file))


def _size(file: Path) -> int | str:
    """A file's size in bytes; of one that is missing, or no file's name, none."""
    try:
        return file.stat().st_size
    except (OSError, ValueError):
        return "none"


def open_table(path: Path) -> LabelledFiles:
    """The images that a CSV, TSV or Parquet file lists; paths are relative to its folder.

    Raises InputError for a file that cannot be read or has no column of paths.
    """
    parquet = path.suffix.lower() in (".parquet", ".pq")
    rows, notes = _parquet_rows(path) if parquet else _text_rows(path)
    with _reading(path):
        names = [str(each).strip() for each in next(rows, ())]
        at, by = _column(names, PATHS), _column(names, LABELS)
        if at is None:
            raise InputError(
                f"{path}: found the columns {', '.join(names[:12]) or 'none'}; expected one of "
                f"paths ({', '.join(PATHS[:3])} or {PATHS[-1]}) and one of classes "
                f"({LABELS[0]} or {LABELS[1]})"
            )
        listed = [(_cell(row, at), _cell(row, by)) for row in rows if any(row)]
    files = tuple(path.parent / name for name, _ in listed if name)
    labels = tuple(label for name, label in listed if name)
    classes = "no column of classes was found" if by is None else f"classes from {names[by]!r}"
    told = [f"paths were taken from the column {names[at]!r}, {classes}", *notes]
    if len(files) < len(listed):
        told.append(f"{len(listed) - len(files)} rows without a path were left out")
    return LabelledFiles(files, labels, tuple(told))


def _column(names: Sequence[str], known: Sequence[str]) -> int | None:
    """The place of the first known name among a table's columns."""
    lower = [each.lower() for each in names]
    return next((lower.index(each) for each in known if each in lower), None)


def _cell(row: Sequence[Any], at: int | None) -> str | None:
    """A cell as text; None where the row has none, or an empty one."""
    value = None if at is None or at >= len(row) else row[at]
    return None if value is None else str(value).strip() or None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what readers of files raise inside the block into an InputError of one line."""
    try:
        yield
    except (OSError, ValueError, csv.Error) as error:  # pyarrow's errors are among these
        reason = str(error).splitlines()[0][:150]
        raise InputError(f"{path}: cannot be read as a table ({reason})") from error


def _text_rows(path: Path) -> tuple[Iterator[Sequence[str]], list[str]]:
    """The rows of a text file, the header first, and a note on what parts the columns."""
    with _reading(path), path.open(encoding="utf-8-sig") as file:
        head = file.readline(1 << 16)
    delimiter = next((each for each in DELIMITERS if _parts(head, each)), ",")
    notes = [] if delimiter == "," else [f"columns are parted by {delimiter!r}"]
    return _parsed(path, delimiter), notes


def _parts(head: str, delimiter: str) -> bool:
    """Whether a header has a column of paths if it is parted so."""
    names = next(csv.reader([head], delimiter=delimiter), [])
    return len(names) > 1 and _column([each.strip() for each in names], PATHS) is not None


def _parsed(path: Path, delimiter: str) -> Iterator[Sequence[str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield from csv.reader(file, delimiter=delimiter)


def _parquet_rows(path: Path) -> tuple[Iterator[Sequence[Any]], list[str]]:
    """The rows of a Parquet file, of the columns that matter alone, the header first."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(
            f"{path}: Parquet files need pyarrow, which is not installed; pip install pyarrow"
        ) from error
    if int(pyarrow.__version__.partition(".")[0]) < OLDEST_ARROW:
        raise InputError(
            f"{path}: found pyarrow {pyarrow.__version__}, which may run code of a file; expected "
            f"{OLDEST_ARROW} or later; pip install --upgrade pyarrow"
        )
    with _reading(path), parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
        wanted = [each for each in schema.names if each.strip().lower() in (*PATHS, *LABELS)]
        at = _column([each.strip() for each in wanted], PATHS)
        if at is None:
            return iter([schema.names]), []
        kind = schema.field(wanted[at]).type
        if not any(word in str(kind) for word in ("string", "null")):
            raise InputError(
                f"{path}: the column {wanted[at]!r} holds {str(kind)[:60]}; expected paths as text"
            )
        table = file.read(columns=wanted)
        columns = [table.column(each).to_pylist() for each in wanted]
    return iter([wanted, *zip(*columns, strict=True)]), []
