"""Pillow's pictures as uint8 RGB: upright, transparency over white, with notes on the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from interp.errors import InputError
from interp.storage.pixel import LoadedImage, check_size, dark_notes, from_array, from_sixteen_bits

PREVIEWS = ("MPO", "PSD", "ICO", "ICNS")
"""Formats whose further pages are previews, layers or other sizes of the same picture."""
BANDS, EXTRA, PHOTOMETRIC = 277, 338, 262
"""Tags of TIFF files."""
PREMULTIPLIED, WHITE_IS_ZERO = 1, 0
LIKE_ALPHA = (
    "the fourth band was read as transparency and laid over white; if it is another band (near "
    "infrared), save the first three alone"
)
UNLIKE_ALPHA = "the fourth band is marked as transparency but has values all over (near infrared?)"
DEEP = ";16"
"""Pillow's mark of 16-bit data, which it reduces to 8 bits where there is colour."""


def from_picture(picture: Any, named: bool = False) -> LoadedImage:
    """A Pillow picture, at the page it stands at, as (H, W, 3) uint8 RGB with notes.

    Unless the page was `named`, a note tells which of several it is.

    It is turned upright by its EXIF tag, 16 bits are scaled to 8, and transparency is laid over
    white. Raises InputError where that is not possible, and Pillow's own errors for damaged data.
    """
    check_size(*picture.size)
    notes = [] if named else _page_notes(picture)
    deep = any(DEEP in str(each[3]) for each in getattr(picture, "tile", ()))
    picture.load()
    tags = getattr(picture, "tag_v2", {})
    upright = _upright(picture)
    if upright.mode.startswith(("F", "I")):
        found = _grey(np.asarray(upright), tags.get(PHOTOMETRIC) == WHITE_IS_ZERO)
    else:
        found = _colour(upright, tags)
        if deep:  # Pillow has kept the upper 8 bits
            notes += dark_notes(int(np.asarray(upright.convert("RGB")).max()) * 256)
    return LoadedImage(found.pixels, (*notes, *found.notes))


def _upright(picture: Any) -> Any:
    """The picture turned as its EXIF tag says; a copy of it only where it has to be turned."""
    from PIL import ExifTags, ImageOps

    turned = picture.getexif().get(ExifTags.Base.Orientation, 1) != 1
    return ImageOps.exif_transpose(picture) if turned else picture


def _page_notes(picture: Any) -> list[str]:
    count = getattr(picture, "n_frames", 1)
    if picture.format in PREVIEWS or count == 1:
        return []
    here = picture.tell() + 1
    return [f"page {here} of {count} was read; name another as FILE#{here % count + 1}"]


def _grey(values: np.ndarray, white_is_zero: bool) -> LoadedImage:
    """One band of 16 or 32 bits, or of floating-point numbers."""
    if values.dtype.kind == "f":
        return from_array(values)
    pixels, notes = from_sixteen_bits(values)
    if white_is_zero:
        pixels, notes = 255 - pixels, [*notes, "the file's white is 0; its values were inverted"]
    return LoadedImage(np.repeat(pixels[..., None], 3, 2), tuple(notes))


def _colour(picture: Any, tags: Any) -> LoadedImage:
    """A picture of 8-bit bands."""
    notes = []
    extra = tags.get(BANDS, 1) - len(picture.getbands())
    if tags and extra > 0:
        notes.append(f"{tags[BANDS]} bands were found; the last {extra} were left out")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture, more = _opaque(layer, tags)
        notes += more
    try:
        return LoadedImage(np.array(_as_rgb(picture), dtype=np.uint8), tuple(notes))
    except ValueError as error:
        raise InputError(
            f"found colours of mode {picture.mode}, expected grey or RGB; save it as RGB"
        ) from error


def _as_rgb(picture: Any) -> Any:
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _opaque(layer: Any, tags: Any) -> tuple[Any, list[str]]:
    """An RGBA picture over white; what a TIFF marks as transparency may be another band."""
    from PIL import Image

    alpha = np.asarray(layer)[..., 3]
    over = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    if alpha.min() == 255:
        return over, []
    if not tags:
        return over, ["transparency was laid over white"]
    if ((alpha > 0) & (alpha < 255)).mean() <= 0.5:
        return over, [LIKE_ALPHA]
    if PREMULTIPLIED in tags.get(EXTRA, ()):
        raise InputError(f"{UNLIKE_ALPHA}; save the first three bands alone")
    return layer, [f"{UNLIKE_ALPHA}; it was left out"]
