"""Saving a comparison that is in memory, such as one that was stopped before its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from interp.comparison.result import (
    IMAGE,
    RECORD,
    ComparedImage,
    Comparison,
    ImageRecord,
    StoredImages,
)
from interp.method import Style
from interp.registry import Registry
from interp.result.bundle import circumstances, request_behind, save_bundle
from interp.result.draw import draw
from interp.result.stored_image import write_image
from interp.spec import ModelSpec
from interp.storage.folder import new_folder, write_json
from interp.storage.resumable import ResumableFolder


def save_comparison(found: Comparison, folder: Path, registry: Registry) -> Comparison:
    """Write a comparison as `compare` does with `out`, all or nothing; Comparison.open reads it.

    Methods without an answer have the reason in their cells. Raises InputError where `folder` is
    not empty.
    """
    with new_folder(folder) as place:
        write_json(place / "request.json", found.request.model_dump(mode="json"))
        pieces = ResumableFolder(place, {})
        records = tuple(
            _save(found, case, pieces.piece(at, case.name), registry)
            for at, case in enumerate(found.cases)
        )
        cases = StoredImages(place, records, registry)
        about = {**circumstances(), **found.about}
        saved = replace(found, records=records, cases=cases, about=about, folder=place)
        write_json(place / "comparison.json", saved.facts())
        saved.seal()
    return Comparison.open(folder, registry)


def save_image(
    case: ComparedImage, model: ModelSpec, place: Path, name: str, file: str = ""
) -> ImageRecord:
    """Write an image and its numbers beside the methods' bundles; the folder's name at last.

    Of a large image a smaller copy is written, where `file` holds it.
    """
    smaller = write_image(place / IMAGE, case.image, file)
    record = ImageRecord.of(case, model, name).model_copy(update={"smaller": smaller})
    write_json(place / RECORD, record.model_dump(mode="json"))
    return record


def _save(found: Comparison, case: ComparedImage, place: Path, registry: Registry) -> ImageRecord:
    """Write an image with the bundles of the methods that answered."""
    place.mkdir()
    for choice, cell in zip(found.request.methods, case.cells, strict=True):
        made = cell.explanation
        if made is not None:
            asked = request_behind(made, found.request.of(choice, case.name, case.targets))
            save_bundle(place / cell.method, asked, made, draw(registry, made, Style()))
    return save_image(case, found.model, place, place.name)
