"""Images in a folder elsewhere, listed once: s3://, gs://, hf:// and other URLs of fsspec's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from interp.dataset import Dataset, Example
from interp.errors import InputError
from interp.storage.image import PHOTOS
from interp_standard.reader.file_system import file_system, image_of, readable


@dataclass(frozen=True, eq=False)
class RemoteFiles(Dataset):
    """Image files below a URL, `names` relative to it, with their sizes in bytes.

    Where they are `labelled`, each one's class is the name of the folder that it lies in.
    """

    url: str
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    labelled: bool
    notes: tuple[str, ...] = ()
    sent = True
    truths = frozenset({"label"})

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The folders' names, in alphabetical order."""
        folders = {_folder(each) for each in self.names}
        return tuple(sorted(folders)) if self.labelled else ()

    @cached_property
    def fingerprint(self) -> str:
        facts = (f"{name}/{size}\n" for name, size in zip(self.names, self.sizes, strict=True))
        digest = hashlib.sha256()
        for each in facts:
            digest.update(each.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Example:
        name = self.names[index]
        with readable(f"{self.url}/{name}"):
            files, root = self._place
            data: bytes = files.cat_file(f"{root}/{name}")
        found = image_of(data, name)
        label = self.classes.index(_folder(name)) if self.labelled else None
        return Example(PurePosixPath(name).stem, found.pixels, label, (), found.notes, found.whole)

    @cached_property
    def _place(self) -> tuple[Any, str]:
        return file_system(self.url)

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: no open connections."""
        return {key: each for key, each in vars(self).items() if key != "_place"}


def open_remote(url: str) -> RemoteFiles:
    """The images in a folder, or in its folders of classes. Raises InputError without any."""
    files, root = file_system(url)
    with readable(url):
        if not files.exists(root):
            raise InputError(f"{url}: found no such folder, or no answer; check the address")
        listed = files.find(root, maxdepth=2, detail=True)
    root = root.rstrip("/")
    found = sorted(
        (name.removeprefix(root).lstrip("/"), int(about.get("size") or 0))
        for name, about in listed.items()
        if PurePosixPath(name).suffix.lower() in PHOTOS
    )
    inside = [each for each in found if "/" in each[0]]
    loose = len(found) - len(inside)
    if not found:
        raise InputError(f"{url}: found no images there; expected a folder of them, or of classes")
    note = f"{loose} images beside the class folders of {url} were left out"
    names, sizes = zip(*(inside or found), strict=True)
    notes = (note,) if inside and loose else ()
    return RemoteFiles(url.rstrip("/"), names, sizes, bool(inside), notes)


def _folder(name: str) -> str:
    return PurePosixPath(name).parent.name
