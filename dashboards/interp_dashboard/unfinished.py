"""A comparison that was stopped before its end: what is there of it, marked, and taken away."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from interp.comparison.result import ComparedImage, Comparison, ImageRecord
from interp.comparison.save import save_comparison
from interp.errors import InterpError
from interp.opening.named import open_method
from interp.registry import Registry
from interp.report.page import write_reports
from interp.request import Choice

CANCELLED, STOPPED = "cancelled", "This comparison was stopped before its end"


def as_stopped(found: Comparison, registered: Registry, quick: int) -> Comparison:
    """The comparison with its missing answers marked as cancelled, and a note on what is there.

    `quick`: the number of samples of the first look; methods that want more were not refined.
    """
    if any(each.startswith(STOPPED) for each in found.notes):
        return found
    cases = [_marked(each) for each in found.cases]
    records = tuple(ImageRecord.of(each, found.model) for each in cases)
    rough = [
        choice.name
        for at, choice in enumerate(found.request.methods)
        if wanted_samples(registered, choice) > quick
        and any(each.outcomes[at].samples in range(1, quick + 1) for each in records)
    ]
    note = STOPPED
    if rough:
        note += f"; not refined, with at most {quick} samples: {', '.join(rough)}"
    return replace(found, cases=cases, records=records).noted((note,))


def _marked(case: ComparedImage) -> ComparedImage:
    cells = (replace(each, error=CANCELLED) if each.waiting else each for each in case.cells)
    return replace(case, cells=tuple(cells))


def wanted_samples(registered: Registry, choice: Choice) -> int:
    """The samples that a method takes without a budget; 0 where it takes none."""
    try:
        params = open_method(registered, choice.name, choice.params).params
    except InterpError:
        return 0
    return int(getattr(params, "samples", 0) or 0)


@contextmanager
def saved(found: Comparison, registered: Registry, name: str) -> Iterator[Path]:
    """A temporary folder of this name with the comparison and its report."""
    with tempfile.TemporaryDirectory(prefix="interp-") as place:
        write_reports(registered, save_comparison(found, Path(place) / name, registered))
        yield Path(place) / name
