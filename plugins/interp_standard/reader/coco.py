"""COCO as people have it: a file of annotations anywhere, and the images in a folder near it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from interp.dataset import CocoFile
from interp.errors import InputError

SPLIT = "instances_"
"""Begins the names of COCO's own files; the folder of images is called by what follows."""
TRIED = 5
"""Images that are looked for in a folder; the first ones may be missing from a part of COCO."""


def open_coco(path: Path) -> CocoFile:
    """The images of a file of annotations, or of the only one in the folder or its annotations/.

    They are looked for in folders near the file. Raises InputError where they are in none of them,
    where the folder has several files, and for what is no COCO JSON.
    """
    file = _only_file(path) if path.is_dir() else path
    near = list(dict.fromkeys(_folders(file)))
    document = CocoFile(file, file.parent).document
    if not document.images:
        raise InputError(f"{file}: found no image that is listed; expected COCO's images")
    wanted = [each.file_name for each in document.images[:TRIED]]
    for folder in near:
        if any((folder / name).is_file() for name in wanted):
            return CocoFile(file, folder, (f"the images of {file.name} were found in {folder}",))
    raise InputError(
        f"{file}: found its image {wanted[0]} in none of {', '.join(map(str, near))}; put the "
        "images beside the file, or into one of these folders"
    )


def _folders(file: Path) -> Iterator[Path]:
    """Where the images may be: beside the file, or in a folder of its split's name or images/."""
    home = file.parent
    split = file.stem.removeprefix(SPLIT)
    for root in (home, home.parent):
        yield from (root / split, root / "images" / split, root / "images")
    yield from (home, home.parent)


def _only_file(folder: Path) -> Path:
    places = (folder, folder / "annotations")
    found = [each for place in places for each in sorted(place.glob(f"{SPLIT}*.json"))]
    found = found or [each for place in places for each in sorted(place.glob("*.json"))]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(map(str, found[:4])) + (", ..." if len(found) > 4 else "")
    raise InputError(
        f"{folder}: found {f'the annotations {listed}' if found else 'no annotations (*.json)'}; "
        "name one file"
    )
