"""TIFF files of more than three bands, which Pillow reads in part or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError
from interp.storage.pixel import LoadedImage, check_count, from_array

SUFFIXES = (".tif", ".tiff")


def read(
    file: Path, page: int | None, as_photo: Callable[[Path, int | None], LoadedImage]
) -> LoadedImage:
    """The image in a file; of a TIFF of several bands RGB, as photographs are, and all as `whole`.

    Where only the bands can be read, they are the image. Raises what `as_photo` raises where
    neither can be.
    """
    bands = _bands(file, page) if file.suffix.lower() in SUFFIXES else None
    if bands is None:
        return as_photo(file, page)
    try:
        return as_photo(file, page)._replace(whole=bands)
    except InputError:
        return bands


def _bands(file: Path, page: int | None) -> LoadedImage | None:
    """All bands of a page, by default the first; None where they are not two, four or more."""
    import tifffile

    try:
        with tifffile.TiffFile(file) as opened:
            chosen: Any = opened.series[0].pages[0] if page is None else opened.pages[page - 1]
            count, axes = int(chosen.samplesperpixel), str(chosen.axes)
            if count in (1, 3) or set(axes) != set("YXS"):
                return None
            check_count(int(chosen.imagewidth) * int(chosen.imagelength) * count, chosen.dtype)
            values = np.moveaxis(np.asarray(chosen.asarray()), axes.index("S"), 2)
        found = from_array(np.ascontiguousarray(values))
    except InputError:
        return None
    except Exception:  # damaged files, and codecs that are not there: errors of every kind
        return None
    return found._replace(notes=tuple(each for each in found.notes if "read as" not in each))
