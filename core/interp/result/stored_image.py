"""The images in a bundle: whole, or smaller copies of large ones whose files can be read again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError
from interp.request import Request
from interp.short import listed
from interp.storage.image import open_image

SCREEN = 1600
"""Longest side of an image kept as it is, in pixels, and of the copy of a larger one."""
MOST = 800_000
"""Pixels of an image kept as it is: a photograph's take 1.4 MB."""
QUALITY = 90
"""Quality of the copies' JPEG."""
LEVEL = 1
"""How hard PNG files are compressed: 6, the default, takes 3.4 times as long for 4 to 10 % less."""


def write_images(
    folder: Path, images: Sequence[np.ndarray], request: Request
) -> dict[str, dict[str, Any]]:
    """Write images (H, W, 3) uint8; returns size, digest and file of smaller copies, by number.

    Images that came from no file are kept whole, and so are all where the request wants full maps.
    """
    named = len(request.images) == len(images) and not request.full_maps
    files = request.images if named else ("",) * len(images)
    written = (
        write_image(folder / f"image-{index}", image, files[index])
        for index, image in enumerate(images)
    )
    return {str(index): each for index, each in enumerate(written) if each is not None}


def write_image(path: Path, image: np.ndarray, file: str) -> dict[str, Any] | None:
    """Write an image (H, W, 3) uint8 at a path without suffix, a large one as a JPEG copy.

    Returns the size, digest and file of one of which a copy was kept; None where it was kept whole,
    as every image is that does not come from a file.
    """
    height, width = image.shape[:2]
    large = max(height, width) > SCREEN or height * width > MOST
    if not large or not Path(file).is_file():
        write_png(path.with_suffix(".png"), image)
        return None
    _write_smaller(path.with_suffix(".jpg"), image)
    whole = str(Path(file).resolve())
    return {"size": [height, width], "sha256": _digest(image), "file": whole}


def read_images(folder: Path, smaller: dict[str, dict[str, Any]]) -> Iterator[np.ndarray]:
    """The images as they were written, (H, W, 3); smaller copies are enlarged to the old size."""
    paths = [*folder.glob("image-*.png"), *folder.glob("image-*.jpg")]
    for path in sorted(paths, key=lambda path: int(path.stem[6:])):
        yield read_image(path.with_suffix(""), smaller.get(path.stem[6:]))


def read_image(path: Path, kept: dict[str, Any] | None) -> np.ndarray:
    """An image as write_image wrote it, (H, W, 3); a smaller copy is enlarged to the old size."""
    if kept is None:
        return open_image(path.with_suffix(".png"))
    return _resized(open_image(path.with_suffix(".jpg")), tuple(kept["size"]))


def whole_images(
    images: Sequence[np.ndarray], smaller: dict[str, dict[str, Any]], files: Sequence[str] = ()
) -> Iterator[np.ndarray]:
    """A bundle's images, those kept smaller from their files, which may be among `files` by now.

    Raises InputError for files that are gone, or hold another image by now, and for `files` where
    all images were kept whole.
    """
    if files and not smaller:
        raise InputError(f"the result holds its images whole; leave out {' and '.join(files)}")
    for index, image in enumerate(images):
        kept = smaller.get(str(index))
        yield image if kept is None else _explained(kept, files or [kept["file"]])


def _explained(kept: dict[str, Any], files: Sequence[str]) -> np.ndarray:
    """The image of which a smaller copy was kept, from the one of these files that holds it."""
    missing = [each for each in files if not Path(each).is_file()]
    if missing:
        raise InputError(
            f"found no file {missing[0]}; the result holds only a smaller copy of its image, name "
            "the file that was explained with --image (--full-maps keeps images whole)"
        )
    for file in files:
        found = open_image(file)
        if _digest(found) == kept["sha256"]:
            return found
    raise InputError(
        f"{listed(files)}: not the image that was explained, of which the result holds a smaller "
        "copy; name that one with --image (--full-maps keeps images whole)"
    )


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write a picture (h, w, 3) uint8 RGB."""
    from PIL import Image

    Image.fromarray(picture).save(path, compress_level=LEVEL)


def _write_smaller(path: Path, image: np.ndarray) -> None:
    from PIL import Image

    height, width = image.shape[:2]
    share = min(1.0, SCREEN / max(height, width))
    size = (max(1, round(height * share)), max(1, round(width * share)))
    Image.fromarray(_resized(image, size)).save(path, quality=QUALITY)


def _resized(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """An image at another size (h, w)."""
    import cv2

    method = cv2.INTER_AREA if size[0] < image.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size[::-1], interpolation=method))


def _digest(image: np.ndarray) -> str:
    """sha256 of the pixels."""
    return hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()
