"""Reading images, from files, Pillow pictures, arrays and tensors: (H, W, 3) uint8 RGB.

Those of other channels than grey or RGB are (H, W, C) float32 in [0, 1].
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError, about, first_line
from interp.storage import dicom, numpy_file, tiff
from interp.storage.picture import from_picture
from interp.storage.pixel import MAX_PIXELS, LoadedImage, from_array

PHOTOS = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif"),
    *(".jp2", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".heic", ".heif"),
)
"""Image files that Pillow opens; the last two with pillow-heif."""
SUFFIXES = (*PHOTOS, *numpy_file.SUFFIXES, *dicom.SUFFIXES)
"""The image files that a folder is searched for, whatever the case of their letters."""
HEIF = (".heic", ".heif")
PAGE = re.compile(r"(.+)#(\d{1,9})")


def images_in(folder: Path, pattern: str = "*") -> tuple[Path, ...]:
    """The image files in `folder` that fit the glob pattern, in alphabetical order.

    NumPy files count only where there are no other images, since beside those they hold masks.
    """
    found = [each for each in sorted(folder.glob(pattern)) if each.suffix.lower() in SUFFIXES]
    others = [each for each in found if each.suffix.lower() not in numpy_file.SUFFIXES]
    return tuple(others or found)


def open_image(path: str | Path) -> np.ndarray:
    """The image in a file as read_image gives it, without what was assumed."""
    return _read_file(Path(path)).pixels


def read_image(image: Any) -> LoadedImage:
    """An image as (H, W, 3) uint8 RGB, with notes on what was assumed about it.

    `image`: a file (`scan.tif#2` is its second page), a Pillow picture, an array or a tensor; grey,
    RGB or of other channels, these first or last, uint8, uint16, or floating-point in [0, 1] or
    0..255. Arrays of other channels give (H, W, C) float32 in [0, 1]; a TIFF of more than three
    gives RGB, and all of them as `whole`. Pictures
    are turned upright by their EXIF tag, 16 bits are scaled to 8, and transparency is laid over
    white. Raises InputError for a file that is missing, empty, no image, too large or damaged, and
    for values whose black and white are not known.
    """
    from PIL import Image

    if isinstance(image, LoadedImage):
        return image
    if isinstance(image, str | Path):
        return _read_file(Path(image))
    try:
        if isinstance(image, Image.Image):
            return _read_picture(image)
        if isinstance(image, np.ndarray):
            return from_array(np.asarray(image))  # a matrix, or another subclass, as it is
        if type(image).__module__.partition(".")[0] in ("torch", "torchvision"):
            return from_array(_array_of(image), channels_first=True)
        if hasattr(image, "__array__"):
            return from_array(np.asarray(image))
    except InputError as error:
        raise InputError(f"the image given: {error}") from error
    raise InputError(
        f"found an image of {type(image).__name__}; expected a file, a sample's name, a Pillow "
        "picture, an array or a tensor"
    )


def split_page(path: Path) -> tuple[Path, int | None]:
    """The file and the page, counted from 1, of `file.tif#2`; None where no page is named."""
    found = PAGE.fullmatch(path.name)
    if found is None or path.exists():
        return path, None
    return path.with_name(found[1]), int(found[2])


def _array_of(tensor: Any) -> np.ndarray:
    """A tensor on any device, of any floating-point precision, as an array."""
    if not hasattr(tensor, "detach"):
        raise InputError(f"found {type(tensor).__name__}; expected a tensor")
    try:
        kept = tensor.detach().cpu()
        return np.asarray(kept.float() if kept.is_floating_point() else kept)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"found a tensor whose values cannot be read ({first_line(error)}); expected a dense "
            "one of numbers"
        ) from error


def _read_file(path: Path) -> LoadedImage:
    file, page = split_page(path)
    if file.is_dir():
        raise InputError(f"{file}: found a folder, expected an image file")
    if not file.exists():
        raise InputError(f"{file}: no such image file; check the path")
    if file.stat().st_size == 0:
        raise InputError(f"{file}: the file is empty (0 bytes), expected an image")
    with about(file):
        if file.suffix.lower() in numpy_file.SUFFIXES:
            return numpy_file.read(file, page)
        if dicom.is_dicom(file):
            return dicom.read(file, page)
        return tiff.read(file, page, _read_photo)


@contextmanager
def _decoding() -> Iterator[None]:
    """Turn what decoders raise of damaged data inside the block into an InputError."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:  # errors of every kind
        raise InputError(
            f"the image is truncated or damaged ({first_line(error)}); save it again"
        ) from error


@_decoding()
def _read_photo(file: Path, page: int | None) -> LoadedImage:
    from PIL import Image, UnidentifiedImageError

    if file.suffix.lower() in HEIF:
        _add_heif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file) as picture:
                if page is not None:
                    _turn_to(picture, page)
                return _read_picture(picture, page)
    except Image.DecompressionBombError as error:
        raise InputError(f"{error}; expected at most {MAX_PIXELS:,} pixels") from error
    except UnidentifiedImageError as error:
        raise InputError(
            "not an image that can be read (a TIFF of unusual bands or bits can be saved as .npy); "
            f"expected {', '.join(SUFFIXES)}"
        ) from error


@_decoding()
def _read_picture(picture: Any, page: int | None = None) -> LoadedImage:
    """A Pillow picture; its page is no assumption where it was named."""
    return from_picture(picture, page is not None)


def _turn_to(picture: Any, page: int) -> None:
    count = getattr(picture, "n_frames", 1)
    if not 1 <= page <= count:
        raise InputError(f"found {count} pages, expected one of them after #; there is no #{page}")
    picture.seek(page - 1)


def _add_heif() -> None:
    """Let Pillow open HEIF files. Raises InputError without pillow-heif."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise InputError(
            "HEIF images need pillow-heif, which is not installed; pip install pillow-heif, or "
            "save the image as PNG"
        ) from error
    register_heif_opener()


def readable(name: str) -> str:
    """A file's name as text that can be written; what is no UTF-8 becomes a question mark."""
    return os.fsencode(name).decode("utf-8", "replace").replace("\ufffd", "?")
