"""Checks of what is registered as a file: samples and evaluations."""

from __future__ import annotations

from pathlib import Path

from interp.storage.folder import read_json
from interp.storage.image import open_image
from interp.testing.entry_case import EntryCase, EntryCheck


def check_image(case: EntryCase) -> str:
    """The file is an image that can be read."""
    height, width = open_image(case.subject).shape[:2]
    return f"{width} x {height} pixels"


def check_evaluation(case: EntryCase) -> str:
    """The file is what interp evaluate wrote."""
    place = Path(case.subject)
    file = place / "results.json" if place.is_dir() else place
    assert isinstance(read_json(file), dict), f"{file}: expected a JSON object"
    return file.name


CHECKS: dict[str, tuple[EntryCheck, ...]] = {
    "sample": (check_image,),
    "evaluation": (check_evaluation,),
}
