"""Arrays and tensors of pixels as uint8 RGB, with notes on what was assumed about them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from interp.errors import InputError

MAX_PIXELS = 100_000_000
"""Images of more pixels are refused before any is decoded."""

WHITE = 65535
"""The white of 16-bit values."""
DARK = 16383
"""16-bit values that reach no further may well be of 14 bits or fewer: it is told."""
DIM = 16
"""Floating-point values between 1 and this are neither [0, 1] nor 0..255."""


class LoadedImage(NamedTuple):
    """An image as the model is shown it, and what was assumed or left out in reading it."""

    pixels: np.ndarray
    """(H, W, 3) uint8 RGB."""
    notes: tuple[str, ...] = ()


def from_array(values: np.ndarray, channels_first: bool = False) -> LoadedImage:
    """An image (H, W), (H, W, C) or (C, H, W) with one channel or three, as uint8 RGB.

    Floating-point values are in [0, 1] or 0..255, 16-bit ones end at 65535. `channels_first`
    decides where a shape can be read both ways. Raises InputError for other shapes and values.
    """
    ordered, notes = _channels_last(values, channels_first)
    check_size(ordered.shape[1], ordered.shape[0])
    pixels, more = _to_eight_bits(ordered)
    if pixels.shape[2] == 1:
        pixels = pixels.repeat(3, 2)
    return LoadedImage(np.ascontiguousarray(pixels), (*notes, *more))


def check_size(width: int, height: int) -> None:
    """Raise InputError for an image without pixels, or of more than MAX_PIXELS."""
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(
            f"found {width} x {height} pixels, expected at least one and at most {MAX_PIXELS:,}; "
            "scale the image down first"
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
    first = values.ndim == 3 and values.shape[0] in (1, 3)
    last = values.ndim == 3 and values.shape[2] in (1, 3)
    if not (first or last):
        raise InputError(
            f"found an array of {shape} values; expected (H, W), (H, W, 3) or (3, H, W): grey or "
            "RGB; choose one channel or three of them"
        )
    if first and (channels_first or not last):
        notes = [] if channels_first and not last else [f"{shape} values were read as (C, H, W)"]
        return values.transpose(1, 2, 0), notes
    guessed = first or channels_first
    return values, [f"{shape} values were read as (H, W, C)"] if guessed else []


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
    scaled = values.astype(np.float64) * scale
    note = f"values from {low:.3g} to {high:.3g} were read as {range_}"
    return scaled.round().astype(np.uint8), [note]
