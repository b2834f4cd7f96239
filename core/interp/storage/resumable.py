"""Resumable output folder, one subfolder per image."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.errors import InputError
from interp.short import listed
from interp.spec import Plain
from interp.storage.folder import (
    JSON_MOST,
    check_parent,
    read_json,
    remove_folder,
    slug,
    write_json_whole,
    write_text_whole,
)
from interp.storage.text_file import read_text

BEGUN, IMAGES = "begun.json", "images.txt"
"""Fingerprints of the model and of all images, and of each image, as they were at the beginning."""
NAMED = 5
"""Images that an error names."""


@dataclass(frozen=True)
class ResumableFolder:
    """An output folder that the same request continues where it was stopped.

    Its pieces appear whole or not at all; a piece that is there is not made again. `about` says
    what the folder holds, as JSON by file name: the request, and fingerprints of the model and the
    images, so that others under the same names are noticed.
    """

    folder: Path
    about: dict[str, dict[str, Any]]
    images: tuple[str, ...] = ()
    """A fingerprint of each image, where the data set has them."""

    @classmethod
    def of(
        cls, folder: Path, request: Plain, content: dict[str, str], images: tuple[str, ...] = ()
    ) -> ResumableFolder:
        """The folder of a request on images and a model with these fingerprints."""
        about = {"request.json": request.model_dump(mode="json"), BEGUN: content}
        return cls(folder, about, images)

    def begin(self, done: Callable[[], Collection[int]] = frozenset) -> set[int]:
        """Make the folder, or check that the same request began it; which images changed since.

        Only images without a result may have changed, such as a file that could not be read and was
        put right; `done` are the numbers of those with one. Raises InputError.
        """
        check_resumable(self.folder, self.about)
        there = {each.name for each in self.folder.glob("[!.]*")}
        others = {name: self._differing(name) for name in there & self.about.keys()}
        changed = set[int]()
        if others.get(BEGUN) == {"images"} and IMAGES in there:
            changed = self._changed()
            if changed and not changed & set(done()):
                others[BEGUN] = set()
        if keys := {key for each in others.values() for key in each}:
            which = f": {listed(map(str, sorted(changed)), NAMED)}" if changed else ""
            raise _else(self.folder, f" (other {listed(sorted(keys))}{which})")
        for name in self.about if changed else self.about.keys() - there:
            write_json_whole(self.folder / name, self.about[name])
        if self.images and (changed or IMAGES not in there):
            write_text_whole(self.folder / IMAGES, "\n".join(self.images))
        return changed

    def _changed(self) -> set[int]:
        """The numbers of the images that changed since; none where there are more, or fewer."""
        before = read_text(self.folder / IMAGES, JSON_MOST).split()
        if len(before) != len(self.images):
            return set()
        pairs = enumerate(zip(before, self.images, strict=True))
        return {number for number, (old, new) in pairs if old != new}

    def join(self) -> None:
        """Check, in a worker of the process that began the folder, that both see the same.

        Raises InputError where they do not.
        """
        if not all((self.folder / name).is_file() for name in self.about):
            raise InputError(
                f"the worker on {platform.node()} does not see {self.folder}; put --out, and the "
                "images and the model, on a file system that all machines share"
            )
        if any(map(self._differing, self.about)):
            raise other_content()

    def _differing(self, name: str) -> set[str]:
        """What of a file differs from what is wanted now."""
        return differing(read_json(self.folder / name), self.about[name])

    def piece(self, index: int, name: str) -> Path:
        """The path of the piece at `index`, for an image called `name`."""
        return self.folder / f"{index:05d}-{slug(name)[-40:].strip('-') or 'image'}"

    def found(self, name: str) -> dict[int, Path]:
        """The file `name` of each piece that is there, by index."""
        found = self.folder.glob(f"[0-9][0-9][0-9][0-9][0-9]*-*/{name}")
        numbers = {each: each.parent.name.partition("-")[0] for each in found}
        return {int(number): each for each, number in numbers.items() if number.isdecimal()}

    def stopped(self, count: int) -> str:
        """The message when the work was stopped after `count` images."""
        return (
            f"stopped; {count} of the images are whole in {self.folder}, and the same command with "
            f"--out {self.folder} goes on"
        )

    def remove(self) -> None:
        """Remove the folder and all that it holds."""
        remove_folder(self.folder)


def same(stored: object, wanted: object) -> bool:
    """Whether what a folder holds is what is wanted now, both as JSON.

    An older version did not know every key: one that it lacks counts as null, or as off.
    """
    if not isinstance(stored, dict) or not isinstance(wanted, dict):
        return stored == wanted
    return not differing(stored, wanted)


def differing(stored: Mapping[str, object], wanted: Mapping[str, object]) -> set[str]:
    """The keys of what a folder holds and of what is wanted now whose values are not the same."""
    new = wanted.keys() - stored.keys()
    added = {key for key in new if wanted[key] is not None and wanted[key] is not False}
    changed = {key for key in wanted.keys() & stored.keys() if not same(stored[key], wanted[key])}
    return (stored.keys() - wanted.keys()) | added | changed


def check_resumable(folder: Path, files: Iterable[str] = ("request.json",)) -> None:
    """Raise InputError unless `folder` is new, empty, or holds the files of a request.

    It may hold some of these files and nothing else, where a process was killed as it began.
    """
    check_parent(folder)
    if folder.exists() and not folder.is_dir():
        raise _else(folder)
    there = {each.name for each in folder.glob("[!.]*")}
    if not there <= {*files} and not there >= {*files}:
        raise _else(folder)


def _else(folder: Path, why: str = "") -> InputError:
    return InputError(
        f"{folder} holds something else{why}; name another --out folder, or repeat "
        "the command that began it, with the same images and model, to go on"
    )


def other_content() -> InputError:
    """The error where a worker opens another model or other images than the command did."""
    return InputError(
        f"the worker on {platform.node()} opens other images, or another model, than the command "
        "did; every machine needs the same files, and a model or images in memory have to be "
        "saved and named"
    )
