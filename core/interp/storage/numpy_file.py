"""Images in NumPy files: one array, or a stack of them of which one is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from interp.errors import InputError
from interp.storage.pixel import LoadedImage, check_count, from_array

SUFFIXES = (".npy",)


def open_array(file: Path) -> np.ndarray:
    """The array in a file, not read into memory yet. Raises InputError for any other file."""
    try:
        found: np.ndarray = np.load(file, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # its header is parsed as Python, with errors of every kind
        reason = "objects, or no array" if "pickle" in str(error) else str(error)
        raise InputError(
            f"cannot be read ({reason}); expected one array of numbers, as np.save writes it"
        ) from error
    return found


def read(file: Path, page: int | None) -> LoadedImage:
    """The image (H, W), (H, W, C) or (C, H, W) in a file, or image `page` of a stack, from 1.

    Raises InputError for files that hold objects or cannot be read, and for images that
    from_array refuses.
    """
    values = open_array(file)
    notes: tuple[str, ...] = ()
    if page is None and values.ndim == 4 and len(values):
        page, notes = 1, (f"image 1 of {len(values)} was read; name another as FILE#2",)
    if page is not None:
        if values.ndim < 3 or not 1 <= page <= len(values):
            count = len(values) if values.ndim > 2 else 1
            raise InputError(f"found {count} images in the file; there is no #{page}")
        values = values[page - 1]
    check_count(values.size, values.dtype)
    found = from_array(np.array(values))
    return found._replace(notes=notes + found.notes)
