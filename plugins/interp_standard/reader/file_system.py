"""Files anywhere, by fsspec: URLs such as s3://bucket/photos, with errors in one line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interp.errors import InputError, InterpError, first_line
from interp.storage.image import LoadedImage, read_image


def file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL or path, and what the place is called there. Raises InputError."""
    with readable(url):
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise InputError(
                f"{url}: files elsewhere need fsspec, which is not installed; "
                'pip install "interp[remote]"'
            ) from error
        found: tuple[Any, str] = url_to_fs(url)
        return found


@contextmanager
def readable(place: str | Path) -> Iterator[None]:
    """Turn what file systems raise inside the block into an InputError that names the place."""
    try:
        yield
    except (InterpError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise InputError(f"{place}: found nothing there; check the address") from error
    except ImportError as error:  # of the package for this kind of address
        raise InputError(
            f'{place}: {first_line(error)}; pip install "interp[remote]", or that package'
        ) from error
    except Exception as error:  # each file system has errors of its own
        raise InputError(f"{place}: cannot be read ({first_line(error)}); check it") from error


def image_of(data: bytes, name: str) -> LoadedImage:
    """The image that a file's bytes hold. Raises InputError for damaged ones."""
    from PIL import Image, UnidentifiedImageError

    try:
        return read_image(Image.open(io.BytesIO(data)))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{name}: the image is damaged or too large ({error})") from error
