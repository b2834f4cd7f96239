"""Arrays in NumPy files, of which only the header is read until their values are asked for."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as npy

LOCAL = 30
"""Bytes of the header before a member of a zip file, without its name and extra field."""
SAMPLED, BLOCKS = 4096, 64
"""Bytes of a block, and blocks, by which a large file is told from another one."""


class Header(NamedTuple):
    """What a .npy file says of its array before the values."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


@dataclass(frozen=True, eq=False)
class ArrayFile:
    """The array in a .npy file, or in a member of a .npz file. Nothing is ever unpickled."""

    file: Path
    member: str | None = None

    @cached_property
    def header(self) -> Header:
        """Shape and type. Raises ValueError for objects, and for what is no array."""
        if self.member is None:
            with self.file.open("rb") as opened:
                return _header(opened)
        with zipfile.ZipFile(self.file) as archive, archive.open(self.member) as member:
            return _header(member)  # type: ignore[arg-type]

    @cached_property
    def values(self) -> np.ndarray:
        """The array: on disk until a part is used; a packed one is unpacked as a whole."""
        place = 0 if self.member is None else self._place(self.member)
        if place is None:
            with np.load(self.file, allow_pickle=False) as arrays:
                unpacked: np.ndarray = arrays[str(self.member).removesuffix(".npy")]
            return unpacked
        with self.file.open("rb") as opened:
            opened.seek(place)
            shape, fortran, kind = _header(opened)
            start = opened.tell()
        if 0 in shape:
            return np.zeros(shape, kind)
        order: Any = "F" if fortran else "C"
        return np.memmap(self.file, kind, "r", start, shape, order)

    def _place(self, name: str) -> int | None:
        """Where a member begins in the file; None for one that is packed."""
        with zipfile.ZipFile(self.file) as archive:
            found = archive.getinfo(name)
        if found.compress_type != zipfile.ZIP_STORED:
            return None
        with self.file.open("rb") as opened:
            opened.seek(found.header_offset)
            head = opened.read(LOCAL)
        lengths = [int.from_bytes(head[at : at + 2], "little") for at in (26, 28)]
        return found.header_offset + LOCAL + sum(lengths)

    @cached_property
    def fingerprint(self) -> str:
        """Cheap: the checksum that a .npz holds of a member, size and samples of a .npy."""
        digest = hashlib.sha256(repr(self.header).encode())
        if self.member is not None:
            with zipfile.ZipFile(self.file) as archive:
                digest.update(str(archive.getinfo(self.member).CRC).encode())
            return digest.hexdigest()
        last = max(self.file.stat().st_size - SAMPLED, 0)
        digest.update(str(last).encode())
        with self.file.open("rb") as opened:
            for at in sorted({last * block // (BLOCKS - 1) for block in range(BLOCKS)}):
                opened.seek(at)
                digest.update(opened.read(SAMPLED))
        return digest.hexdigest()


def arrays_in(file: Path) -> dict[str, ArrayFile]:
    """The arrays of a .npz file by their names in small letters."""
    with zipfile.ZipFile(file) as archive:
        names = [each for each in archive.namelist() if each.endswith(".npy")]
    return {each.removesuffix(".npy").lower(): ArrayFile(file, each) for each in names}


def _header(opened: BinaryIO) -> Header:
    """The header at the file's position, which is left where the values begin."""
    version = npy.read_magic(opened)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"version {version} of the format, which holds structures")
    header = Header(*readers[version](opened))
    if header.dtype.hasobject:
        raise ValueError("objects, which would have to be unpickled")
    return header
