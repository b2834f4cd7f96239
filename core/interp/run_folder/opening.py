"""Opening what a run on a folder wrote: all of it, or one image's result, however it is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from interp.dataset import Dataset, Example, StreamedDataset, for_channels
from interp.errors import InputError
from interp.explanation import Explanation
from interp.opening.reader import read_data
from interp.registry import Registry
from interp.request import Request
from interp.result.bundle import Made, explanation_of, open_bundle, save_bundle
from interp.run_folder.part_file import Part
from interp.run_folder.part_store import part_folder, written_ranges
from interp.spec import InputSpec
from interp.storage.folder import read_json, scratch_folder
from interp.storage.pixel import to_picture

PLACE = re.compile(r"(\d+)-.*")
"""Name of an image's result: its number, and the image's name."""


def open_result(place: Path, registry: Registry) -> tuple[Request, Explanation]:
    """The request and explanation of an image: a bundle, or FOLDER/NAME of one kept in a part.

    Raises InputError where neither is there, and for what was altered.
    """
    part, index = _part(place)
    if part is None:
        return open_bundle(place, registry)
    request, facts, arrays = part.read(index)
    coded = arrays.pop("image", None)
    image = _read_again(place, index, facts, registry) if coded is None else _decoded(coded)
    return request, explanation_of(place, facts, arrays, [image], Made(request, registry))


@contextmanager
def as_bundle(place: Path, registry: Registry) -> Iterator[Path]:
    """The folder of a result within the block: itself, or a bundle made of one kept in a part.

    That bundle has no pictures.
    """
    part, _ = _part(place)
    if part is None:
        yield place
        return
    request, found = open_result(place, registry)
    with scratch_folder("result") as scratch:
        yield save_bundle(scratch / place.name, request, found, {}, part.circumstances())


def _part(place: Path) -> tuple[Part | None, int]:
    """The part that holds the result called so, and the image's number; None for a folder."""
    named = PLACE.fullmatch(place.name)
    if named is None or place.exists():
        return None, 0
    index = int(named[1])
    for images in written_ranges(place.parent):
        if index in images:
            return Part(part_folder(place.parent, images)), index
    return None, index


def _decoded(coded: np.ndarray) -> np.ndarray:
    import cv2

    found: np.ndarray = cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]
    return np.ascontiguousarray(found)


def _read_again(place: Path, index: int, facts: dict[str, Any], registry: Registry) -> np.ndarray:
    """The image of a result that keeps no copy of it, from the data that the run was given.

    Raises InputError where it is no longer there.
    """
    data = str(read_json(place.parent / "request.json")["data"])
    made = facts["provenance"]
    taken = InputSpec.model_validate(made["model"]["input"])
    try:
        example = _image(for_channels(read_data(registry, data), taken.channels), index)
    except (InputError, IndexError) as error:
        raise InputError(
            f"{place} keeps no copy of its image, and {data} gives none: {error}"
        ) from error
    if [example.name] != [*made["image_names"]]:
        raise InputError(
            f"{place} keeps no copy of its image, and image {index} of {data} is {example.name} "
            "now; run again without --no-pictures"
        )
    return to_picture(example.image, taken.bands)


def _image(dataset: Dataset, index: int) -> Example:
    """The image of this number, as results name it."""
    if not isinstance(dataset, StreamedDataset):
        return dataset[index]
    for _, found in dataset.read(range(index, index + 1)):
        if isinstance(found, Example):
            return found
        raise found
    raise InputError(f"it has no image {index}")
