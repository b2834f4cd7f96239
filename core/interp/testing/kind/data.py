"""The data on which data sets and readers are tried."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from interp.dataset import Dataset
from interp.registry.manifest import ReaderEntry
from interp.testing.entry_case import EntryCase, NothingToMeasure

COUNT = 6
"""Images that are drawn of a registered data set."""


def example(case: EntryCase) -> Path:
    """The data on which a reader is tried: those given, else its example inside the package."""
    if case.data is not None:
        return Path(case.data)
    entry = reader_entry(case)
    if entry.example is None:
        raise NothingToMeasure(
            "no data are known on which to try it; name some with --data, or an example in the "
            "registry file"
        )
    spec = find_spec(entry.package)
    homes = list(spec.submodule_search_locations or ()) if spec else []
    found = [Path(home) / entry.example for home in homes]
    there = [each for each in found if each.exists()]
    assert there, f"found no example {entry.example} in the package {entry.package}"
    return there[0]


def opened_data(case: EntryCase, seed: int = 0) -> Dataset:
    """Images of a registered data set with this seed, or what a reader opens, which has none."""
    found = case.subject(*((example(case),) if case.kind == "reader" else (COUNT, seed)))
    assert isinstance(found, Dataset), f"found {type(found).__name__}; expected an interp Dataset"
    return found


def reader_entry(case: EntryCase) -> ReaderEntry:
    entry = case.registry.entry("reader", case.name)
    assert isinstance(entry, ReaderEntry)
    return entry
