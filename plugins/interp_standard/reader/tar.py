"""Images in tar files, the shards of WebDataset, read from beginning to end wherever they are.

Nothing in a tar file is ever unpickled, and none is unpacked on the disk.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from pathlib import Path, PurePosixPath
from typing import Any

from interp.dataset import Example, StreamedDataset
from interp.errors import InputError
from interp.storage.image import PHOTOS
from interp_standard.reader.file_system import file_system, image_of, readable

STRIDE = 1_000_000
"""Numbers that the images of each tar file may have."""
NUMBERS = re.compile(r"\{(\d+)\.\.(\d+)\}")
"""Stands for several files: shard-{0000..0099}.tar."""

ENDS = (".tar", ".tar.gz", ".tgz")
"""How the names of tar files end."""


@dataclass(frozen=True, eq=False)
class TarFiles(StreamedDataset):
    """Images of tar files at these addresses, of these sizes in bytes; a portion for each file."""

    urls: tuple[str, ...]
    sizes: tuple[int, ...]
    classes = ()
    truths = frozenset()
    sent = True
    _counts: dict[str, int] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        names = (PurePosixPath(each).name for each in self.urls)
        return hashlib.sha256(repr((*names, *self.sizes)).encode()).hexdigest()

    def portions(self, limit: int | None) -> Sequence[range]:
        starts = range(0, STRIDE * len(self.urls), STRIDE)
        if limit is None:
            return [range(start, start + STRIDE) for start in starts]
        found = []
        for start, url in zip(starts, self.urls, strict=True):
            count = min(self._count(url), limit)
            found.append(range(start, start + count))
            limit -= count
            if not limit:
                break
        return found

    def read(self, portion: range) -> Iterator[tuple[int, Example | InputError]]:
        url, number = self.urls[portion.start // STRIDE], portion.start
        images = islice(_images(url), number % STRIDE, number % STRIDE + len(portion))
        try:
            for name, data in images:
                yield number, _example(url, name, data)
                number += 1
        except InputError as error:  # the file ends early: what came before is kept
            yield number, error

    def __len__(self) -> int:
        return sum(map(self._count, self.urls))

    def __getitem__(self, index: int) -> Example:
        ends = list(accumulate(map(self._count, self.urls)))
        at = next(at for at, end in enumerate(ends) if index < end)
        start = STRIDE * at + index - (ends[at - 1] if at else 0)
        ((_, found),) = self.read(range(start, start + 1))
        if isinstance(found, InputError):
            raise found
        return found

    def _count(self, url: str) -> int:
        """How many images a file holds, by reading it once."""
        if url not in self._counts:
            self._counts[url] = sum(1 for _ in _images(url))
        return self._counts[url]


def _example(url: str, name: str, data: bytes) -> Example | InputError:
    """The image in a file of a tar file, called as the file is without its endings."""
    try:
        found = image_of(data, f"{url}: {name}")
    except InputError as error:
        return error
    key = PurePosixPath(name).name.partition(".")[0]
    return Example(key, found.pixels, None, (), found.notes, found.whole)


def _images(url: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of each image file in a tar file, as they come."""
    files, path = file_system(url)
    with (
        readable(url),
        files.open(path, "rb") as file,
        tarfile.open(fileobj=file, mode="r|*") as shard,
    ):
        for member in shard:
            if member.isfile() and PurePosixPath(member.name).suffix.lower() in PHOTOS:
                content: Any = shard.extractfile(member)
                yield member.name, content.read()


def open_tar(source: str | Path) -> TarFiles:
    """A tar file, a folder of them, or several by a pattern as shard-{0000..0099}.tar or *.tar.

    Raises InputError where there is none.
    """
    urls = list(_spread(str(source)))
    files, first = file_system(urls[0])
    with readable(str(source)):
        if len(urls) > 1:
            found = {files.unstrip_protocol(path): path for _, path in map(file_system, urls)}
        else:
            named = "*" in first or first.endswith(ENDS)
            listed = files.glob(first if named else f"{first}/*.tar*")
            found = {files.unstrip_protocol(path): path for path in sorted(listed)}
        sizes = [int(each or 0) for each in files.sizes(list(found.values()))]
    if not found:
        raise InputError(f"{source}: found no tar files there; expected shards of images (*.tar)")
    return TarFiles(tuple(found), tuple(sizes))


def _spread(url: str) -> Iterator[str]:
    """The addresses that a pattern with {0000..0099} stands for."""
    numbers = NUMBERS.search(url)
    if numbers is None:
        yield url
        return
    first, last = numbers.groups()
    for number in range(int(first), int(last) + 1):
        yield from _spread(f"{url[: numbers.start()]}{number:0{len(first)}d}{url[numbers.end() :]}")
