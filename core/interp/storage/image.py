"""Reading image files: checked before decoding, always (H, W, 3) uint8 RGB, upright."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError

MAX_PIXELS = 100_000_000
"""Images of more pixels are refused before any is decoded."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""The image files that a folder is searched for, whatever the case of their letters."""


def images_in(folder: Path, pattern: str = "*") -> tuple[Path, ...]:
    """The image files in `folder` that fit the glob pattern, in alphabetical order."""
    return tuple(each for each in sorted(folder.glob(pattern)) if each.suffix.lower() in SUFFIXES)


def open_image(path: str | Path) -> np.ndarray:
    """The image in a file as (H, W, 3) uint8 RGB.

    It is turned upright by its EXIF tag, 16 bits are scaled to 8, and transparency is laid over
    white. Raises InputError for a file that is missing, empty, no image, too large or truncated.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: found a folder, expected an image file")
    if not path.exists():
        raise InputError(f"{path}: no such image file; check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes), expected an image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                _check_size(path, picture.size)
                picture.load()
                return _to_rgb(ImageOps.exif_transpose(picture))
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: {error}; expected at most {MAX_PIXELS:,} pixels") from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path}: not an image that can be read; expected {', '.join(SUFFIXES)}"
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise InputError(
            f"{path}: the image is truncated or damaged ({error}); save it again"
        ) from error


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{path}: found {width} x {height} pixels, expected at most {MAX_PIXELS:,}; "
            "scale the image down first"
        )


def _to_rgb(picture: Any) -> np.ndarray:
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":
        picture = Image.fromarray(_to_eight_bits(np.asarray(picture)))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.array(picture.convert("RGB"), dtype=np.uint8)


def _to_eight_bits(values: np.ndarray) -> np.ndarray:
    """16-bit (and wider) grey values as uint8: 65535 is white, whatever the image's own maximum."""
    if values.dtype.kind == "f":
        raise ValueError("floating-point pixels have no known white; save as 8 or 16 bit")
    return np.clip(values.astype(np.int64) // 257, 0, 255).astype(np.uint8)


def check_array(image: np.ndarray) -> np.ndarray:
    """The same array. Raises InputError unless it is (H, W, 3) uint8 RGB."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.shape[2:] != (3,):
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image)
        raise InputError(f"found an image of {found}; expected a uint8 RGB array (H, W, 3)")
    return image
