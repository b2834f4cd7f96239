"""Names and tags that visitors give to saved results, and results that can be brought back."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from threading import Lock

from pydantic import Field, ValidationError

from interp.errors import InputError
from interp.spec import Plain
from interp.storage.folder import check_new_folder, read_json, write_json_whole

FILE, DELETED = ".labels.json", ".deleted"
"""Beside the results: what they are called, and the folder of those that were deleted."""
LONGEST, MOST_TAGS = 80, 10
"""Letters of a name or tag, and tags of a result."""
DAYS = 7
"""For which a deleted result can be brought back by hand."""
LOCK = Lock()


class Label(Plain):
    """What a result is called, in place of what is known of it, and its tags."""

    title: str = Field("", max_length=LONGEST)
    tags: tuple[str, ...] = Field((), max_length=MOST_TAGS)


def labels(place: Path) -> dict[str, Label]:
    """The labels of the results in a folder, by the results' names; none where they are damaged."""
    try:
        found = read_json(place / FILE) if (place / FILE).is_file() else {}
        return {str(name): Label.model_validate(each) for name, each in found.items()}
    except (InputError, ValidationError, AttributeError):
        return {}


def label(folder: Path, title: str, tags: str) -> None:
    """Name a result, and tag it with words between commas. Raises InputError for what is too long.

    Nothing takes the name away.
    """
    words = tuple(dict.fromkeys(each.strip() for each in tags.split(",") if each.strip()))
    if len(title) > LONGEST or len(words) > MOST_TAGS or any(len(e) > LONGEST for e in words):
        raise InputError(
            f"found a name of {len(title)} letters and {len(words)} tags; expected at most "
            f"{LONGEST} letters each, and {MOST_TAGS} tags"
        )
    with LOCK:
        found = labels(folder.parent) | {folder.name: Label(title=title.strip(), tags=words)}
        kept = {name: each.model_dump(mode="json") for name, each in found.items() if each != NONE}
        write_json_whole(folder.parent / FILE, kept)


NONE = Label()


def delete(folder: Path) -> Path:
    """Take a result out of its folder; what restore brings back, for DAYS at least."""
    bin_ = folder.parent / DELETED
    bin_.mkdir(exist_ok=True)
    for each in bin_.iterdir():
        if time.time() - each.stat().st_mtime > DAYS * 86400:
            shutil.rmtree(each, ignore_errors=True)
    place = bin_ / f"{time.time_ns()}-{folder.name}"
    folder.rename(place)
    place.touch()
    return place


def restore(deleted: Path) -> Path:
    """Bring a deleted result back. Raises InputError where another one has its name by now."""
    folder = deleted.parent.parent / deleted.name.partition("-")[2]
    check_new_folder(folder)
    deleted.rename(folder)
    return folder
