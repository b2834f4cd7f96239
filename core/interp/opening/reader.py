"""Opens the images at a path with the registered reader whose pattern fits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from interp.dataset import Dataset, StreamedDataset
from interp.errors import InputError, PluginError, blamed, nearest
from interp.opening.pattern import FOLDER, fits, most_special
from interp.registry import Registry
from interp.registry.manifest import ReaderEntry

URL = "://"
"""In the addresses of files elsewhere, and in the patterns of readers that open these."""


def read_data(registry: Registry, data: str | Path) -> Dataset:
    """The images at a path or URL; `NAME:PATH` names the reader, where several fit or none does.

    Raises InputError where there is nothing at the path, no reader fits or more than one does, and
    for what the reader refuses; PluginError where the reader fails.
    """
    name, path = choose_reader(registry, str(data))
    with blamed(f"reader {name}"):
        found = registry.get("reader", name)(path)
        if not isinstance(found, Dataset):
            raise PluginError(
                f"reader {name} returned {type(found).__name__}; expected an interp.dataset.Dataset"
            )
        if isinstance(found, StreamedDataset):  # to count its images may mean to read them
            return found
        notes = () if len(found) else found.notes
    if not len(found):
        told = "; ".join(notes)[:200] or "expected at least one"
        raise InputError(f"{path}: the reader {name} found no images; {told}")
    return found


def choose_reader(registry: Registry, data: str) -> tuple[str, Path | str]:
    """The name of the reader for what a user names, and the path, or the URL as it is.

    Raises InputError.
    """
    readers = reader_entries(registry)
    name, colon, rest = data.partition(":")
    if colon and not Path(data).exists() and name in {each.name for each in readers}:
        return name, rest if URL in rest else Path(rest)
    if URL not in data and not Path(data).exists():
        known = [each.name for each in registry.entries("dataset")]
        if data in known:
            raise InputError(
                f"found no folder {data}; {data} is a registered data set, made anew "
                f"each time: write it first, with interp data {data} --out {data}"
            )
        raise InputError(
            f"found no folder {data}, no file and no registered data set of that name; check the "
            f"path; {nearest(data, known)}"
        )
    place = data if URL in data else Path(data)
    fitting = fitting_readers(place, readers)
    if len(fitting) == 1:
        return next(iter(fitting)), place
    if fitting:
        raise InputError(
            f"{data}: {len(fitting)} readers fit: {_listed(fitting.items())}; name one, as in "
            f"{next(iter(fitting))}:{data}"
        )
    forms = _listed((each.name, each.sources) for each in readers)
    raise InputError(f"{data}: no reader opens it; known: {forms or 'none'}; or name it, NAME:PATH")


def reader_entries(registry: Registry) -> list[ReaderEntry]:
    """The registered readers."""
    return [each for each in registry.entries("reader") if isinstance(each, ReaderEntry)]


def fitting_readers(path: Path | str, readers: Iterable[ReaderEntry]) -> dict[str, list[str]]:
    """By name the readers of a path, with their patterns that fit.

    A reader whose patterns all have a special case that fits too comes after, and is left out.
    """
    found = [(each.name, form) for each in readers for form in each.sources if _fits(path, form)]
    best = most_special(form for _, form in found)
    names = dict.fromkeys(name for name, form in found if form in best)
    return {name: [form for by, form in found if by == name and form in best] for name in names}


def is_data_file(path: Path, readers: Iterable[ReaderEntry]) -> bool:
    """Whether a path is a file, no folder, that a reader opens."""
    return path.is_file() and bool(fitting_readers(path, readers))


def _fits(path: Path | str, pattern: str) -> bool:
    """Whether a pattern fits the path, or the file's name whatever the case of its letters.

    A URL, which is text, fits patterns of URLs alone.
    """
    if isinstance(path, str) or URL in pattern:
        return isinstance(path, str) and URL in pattern and fits(path, pattern)
    if pattern.startswith(FOLDER):
        return fits(str(path), pattern)
    names = (str(path), path.name, path.name.lower())
    return path.is_file() and any(fits(each, pattern) for each in names)


def _listed(forms: Iterable[tuple[str, Iterable[str]]]) -> str:
    return ", ".join(f"{name} ({' '.join(patterns)})" for name, patterns in forms)
