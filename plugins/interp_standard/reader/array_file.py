"""Arrays in NumPy files, of which only the header is read until their values are asked for."""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from interp.errors import InputError, InterpError

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
        """Shape and type. Raises InputError for objects, and for what is no whole array."""
        with readable(self.file):
            if self.member is None:
                with self.file.open("rb") as opened:
                    return _checked(opened, self.file.stat().st_size)
            with zipfile.ZipFile(self.file) as archive, archive.open(self.member) as member:
                return _checked(member, archive.getinfo(self.member).file_size)

    @cached_property
    def values(self) -> np.ndarray:
        """The array: on disk until a part is used; a packed one is unpacked as a whole.

        Raises InputError where it is damaged.
        """
        with readable(self.file):
            return self._values()

    def _values(self) -> np.ndarray:
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


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Turn what readers of arrays and zip files raise inside the block into an InputError."""
    try:
        yield
    except (InterpError, MemoryError):
        raise
    except Exception as error:  # a header is parsed as Python, with errors of every kind
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(
            f"{file}: expected whole arrays of numbers, as np.savez saves them; found {reason}"
        ) from error


def arrays_in(file: Path) -> dict[str, ArrayFile]:
    """The arrays of a .npz file by their names in small letters. Raises InputError."""
    with readable(file), zipfile.ZipFile(file) as archive:
        names = [each for each in archive.namelist() if each.endswith(".npy")]
    return {each.removesuffix(".npy").lower(): ArrayFile(file, each) for each in names}


def _checked(opened: IO[bytes], size: int) -> Header:
    """The header of an array in so many bytes, which hold all of its values."""
    header = _header(opened)
    left, wanted = size - opened.tell(), math.prod(header.shape) * header.dtype.itemsize
    if min(header.shape, default=0) < 0 or left < wanted:
        raise ValueError(f"{left:,} bytes of values {header.shape} {header.dtype}")
    return header


def _header(opened: IO[bytes]) -> Header:
    """The header at the file's position, which is left where the values begin."""
    version = npy.read_magic(opened)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"version {version} of the format, which holds structures")
    header = Header(*readers[version](opened))
    if header.dtype.hasobject:
        raise ValueError("objects, which would have to be unpickled")
    return header
