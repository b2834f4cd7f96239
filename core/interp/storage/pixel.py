"""Arrays and tensors of pixels as models are shown them, with notes on what was assumed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from interp.errors import InputError

MAX_PIXELS, MAX_SIDE = 64_000_000, 65_535
"""Images of more pixels, or of a longer side, are refused everywhere before any is decoded."""

WHITE = 65535
"""The white of 16-bit values."""
DARK = 16383
"""16-bit values that reach no further may well be of 14 bits or fewer: it is told."""
DIM = 16
"""Floating-point values between 1 and this are neither [0, 1] nor 0..255."""


class LoadedImage(NamedTuple):
    """An image as the model is shown it, and what was assumed or left out in reading it."""

    pixels: np.ndarray
    """(H, W, 3) uint8 RGB, or (H, W, C) float32 in [0, 1] of other channels."""
    notes: tuple[str, ...] = ()
    whole: LoadedImage | None = None
    """All channels of an image of which `pixels` are a part that can be read as RGB."""

    def of(self, channels: int) -> LoadedImage:
        """The image for a model that takes this many: all its channels where these fit."""
        fits = self.whole is not None and self.whole.pixels.shape[2] == channels
        return self.whole if fits and self.whole is not None else self


def from_array(values: np.ndarray, channels_first: bool = False) -> LoadedImage:
    """An image (H, W), (H, W, C) or (C, H, W): of one channel or three as uint8 RGB.

    Of others as float32 in [0, 1], which keeps what 16 bits and fractions hold. Floating-point
    values are in [0, 1] or 0..255, 16-bit ones end at 65535. `channels_first` decides where a shape
    can be read both ways. Raises InputError for other shapes and values.
    """
    check_count(values.size, values.dtype)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    ordered, notes = _channels_last(values, channels_first)
    check_size(ordered.shape[1], ordered.shape[0])
    if ordered.shape[2] not in (1, 3):
        shares, more = _to_shares(ordered)
        return LoadedImage(np.ascontiguousarray(shares), (*notes, *more))
    pixels, more = _to_eight_bits(ordered)
    if pixels.shape[2] == 1:
        pixels = pixels.repeat(3, 2)
    return LoadedImage(np.ascontiguousarray(pixels), (*notes, *more))


def check_size(width: int, height: int) -> None:
    """Raise InputError for an image without pixels, of too many, or of too long a side."""
    if not 0 < width * height <= MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise InputError(
            f"found {width} x {height} pixels, expected at least one, at most {MAX_PIXELS:,} and "
            f"sides of at most {MAX_SIDE:,}; scale the image down first, or cut it"
        )


def check_count(count: int, kind: Any) -> None:
    """Raise InputError for more values of this type than an image may have, before it is read."""
    most = MAX_PIXELS * (3 if kind == np.uint8 else 1)
    if count > most:
        raise InputError(
            f"found {count:,} values of {kind}; expected at most {most:,}; scale the image down "
            "first, or cut it"
        )


def _channels_last(values: np.ndarray, channels_first: bool) -> tuple[np.ndarray, list[str]]:
    """The values as (H, W, C), and a note where the order of their axes had to be guessed."""
    if values.ndim == 2:
        return values[..., None], []
    shape = " x ".join(map(str, values.shape))
    if values.ndim == 4:
        raise InputError(
            f"found a batch of {shape} values, expected one image; give its images one by one, "
            "as list(batch)"
        )
    if values.ndim != 3:
        raise InputError(
            f"found an array of {shape} values; expected (H, W), (H, W, C) or (C, H, W): grey, RGB "
            "or other channels"
        )
    first, last = values.shape[0] in (1, 3), values.shape[2] in (1, 3)
    if not (first or last):
        return _fewest_last(values, shape)
    if first and (channels_first or not last):
        notes = [] if channels_first and not last else [f"{shape} values were read as (C, H, W)"]
        return values.transpose(1, 2, 0), notes
    guessed = first or channels_first
    return values, [f"{shape} values were read as (H, W, C)"] if guessed else []


def _fewest_last(values: np.ndarray, shape: str) -> tuple[np.ndarray, list[str]]:
    """Values with their shortest axis, the first or the last, as channels, and a note on it."""
    height, width = values.shape[0], values.shape[2]
    if height == width or values.shape[1] <= min(height, width):
        raise InputError(
            f"found an array of {shape} values, in which no axis must be the channels; expected "
            "(H, W, C) or (C, H, W) with fewer channels than rows and columns"
        )
    if height < width:
        return values.transpose(1, 2, 0), [
            f"{shape} values were read as {height} channels (C, H, W)"
        ]
    return values, [f"{shape} values were read as {width} channels (H, W, C)"]


def _to_shares(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Values of any number type as float32 in [0, 1], with a note on the range that was assumed."""
    if values.dtype == np.uint16:
        return (values / np.float32(WHITE)).astype(np.float32), [
            f"16-bit values were divided by {WHITE}"
        ]
    if values.dtype.kind != "f":
        whole, notes = _to_eight_bits(values)
        return whole.astype(np.float32) / 255, notes
    _, notes = _from_floats(values)  # refuses other ranges
    most = 1 if values.max() <= 1 else 255
    return (values / most).astype(np.float32), notes


def to_picture(image: np.ndarray, bands: Sequence[int] | None = None) -> np.ndarray:
    """An image as it is drawn, (H, W, 3) uint8: RGB as it is, of other channels three, or one.

    `bands`: the channels that are drawn as red, green and blue, or one as grey, from 1; by default
    the first three, or of two the first. Each is stretched from its 2nd to its 98th percentile.
    Raises InputError for channels that the image has not.
    """
    if image.dtype == np.uint8 and image.shape[2] == 3 and bands is None:
        return image
    count = image.shape[2]
    chosen = bands or ((1, 2, 3) if count > 2 else (1,))
    if len(chosen) not in (1, 3) or not all(1 <= each <= count for each in chosen):
        raise InputError(
            f"found bands {', '.join(map(str, chosen))}; expected one or three of the image's "
            f"channels, 1 to {count}"
        )
    planes = [_stretched(image[..., each - 1].astype(np.float32)) for each in chosen]
    return np.stack(planes * (3 // len(planes)), 2)


def _stretched(plane: np.ndarray) -> np.ndarray:
    low, high = np.percentile(plane, (2, 98))
    shares = (plane - low) / max(float(high - low), 1e-12)
    return np.asarray((shares.clip(0, 1) * 255).round().astype(np.uint8))


def _to_eight_bits(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Values of any number type as uint8, with a note on the range that was assumed."""
    if values.dtype == np.uint8:
        return values, []
    if values.dtype == np.uint16:
        return from_sixteen_bits(values)
    if values.dtype.kind == "f":
        return _from_floats(values)
    if values.dtype.kind not in "iu":
        raise InputError(f"found {values.dtype} values; expected uint8, or numbers in [0, 1]")
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 255:
        raise InputError(
            f"found {values.dtype} values from {low} to {high}; expected 0 to 255, or uint16 with "
            f"{WHITE} as white; {WINDOW}"
        )
    return values.astype(np.uint8), [f"{values.dtype} values up to {high} were read as 0 to 255"]


WINDOW = (
    "map the range that matters to 0 to 255, as in ((values - low) / (high - low)).clip(0, 1) * 255"
)
"""What to do with values that have no known black and white."""


def from_sixteen_bits(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """16-bit values as uint8: 65535 is white, whatever the image's own maximum; and notes.

    Raises InputError for values below 0 or above 65535, whose black and white are not known.
    """
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > WHITE:
        raise InputError(
            f"found values from {low} to {high}, whose black and white are not known; expected 0 "
            f"to {WHITE}; {WINDOW}"
        )
    return (values // 257).astype(np.uint8), dark_notes(high)


def dark_notes(high: int) -> list[str]:
    """A note where 16-bit values that reach `high` give a dark image, else none."""
    if not 0 < high <= DARK:
        return []
    white = 2 ** high.bit_length() - 1
    note = (
        f"values reach {high} of {WHITE}, so the model is shown a dark image, 0 to {high // 257} "
        f"of 255; if white is {white}, scale the values to 8 bits first"
    )
    return [note]


def _from_floats(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    if not np.isfinite(values).all():
        raise InputError("found NaN or infinite pixels; expected numbers in [0, 1] or 0 to 255")
    low, high = float(values.min()), float(values.max())
    if low < 0 or 1 < high < DIM or high > 255:
        raise InputError(
            f"found values from {low:.4g} to {high:.4g}, expected [0, 1] or 0 to 255; give the "
            "image before normalisation, or clip it"
        )
    scale, range_ = (1, "0 to 255") if high > 1 else (255, "[0, 1]")
    scaled = values.astype(np.float64)
    scaled *= scale
    note = f"values from {low:.3g} to {high:.3g} were read as {range_}"
    return scaled.round(out=scaled).astype(np.uint8), [note]
