"""Colour scales, colour-blind safe: a diverging one centred on zero and a sequential one."""

from functools import lru_cache

import cv2
import numpy as np

# L*, a*, b* from -1 to 1. Both arms have the same lightness, so that neither sign looks stronger.
ANCHORS = np.array(
    [
        [40, 8, -52],
        [58, -2, -44],
        [78, -8, -20],
        [96, 0, 0],
        [78, 26, 15],
        [58, 54, 36],
        [40, 58, 38],
    ],
    np.float32,
)
STEPS = 256
SERIES = np.array(  # Okabe and Ito's palette without its yellow, too light for a line on white
    [
        [0, 114, 178],
        [213, 94, 0],
        [0, 158, 115],
        [204, 121, 167],
        [230, 159, 0],
        [86, 180, 233],
        [0, 0, 0],
    ],
    np.float32,
)


@lru_cache
def _diverging_table() -> np.ndarray:
    # An odd number of entries, so that zero has one of its own.
    places = np.linspace(0, len(ANCHORS) - 1, 2 * STEPS + 1)
    lab = [np.interp(places, np.arange(len(ANCHORS)), ANCHORS[:, each]) for each in range(3)]
    pixels = np.stack(lab, -1).astype(np.float32)[None]  # (1, 2 STEPS + 1, 3)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_Lab2RGB)[0]).clip(0, 1) * 255


@lru_cache
def _sequential_table() -> np.ndarray:
    levels = np.arange(256, dtype=np.uint8)[None]
    bgr = np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[0])
    return bgr[:, ::-1].astype(np.float32)


def _entries(table: np.ndarray, index: np.ndarray) -> np.ndarray:
    colours: np.ndarray = table[index]
    return colours


def diverging(share: np.ndarray) -> np.ndarray:
    """Blue at -1, near white at 0, red at 1: float RGB (..., 3) in [0, 255]."""
    index = np.rint((np.clip(share, -1, 1) + 1) * STEPS).astype(int)
    return _entries(_diverging_table(), index)


def sequential(share: np.ndarray) -> np.ndarray:
    """Dark violet at 0 to yellow at 1, evenly perceived: float RGB (..., 3) in [0, 255]."""
    index = np.rint(np.clip(share, 0, 1) * 255).astype(int)
    return _entries(_sequential_table(), index)


def series(count: int) -> np.ndarray:
    """Colours for `count` lines, (count, 3) float RGB, told apart by every eye up to seven."""
    if count <= len(SERIES):
        return SERIES[:count]
    return sequential(np.linspace(0, 0.9, count))


def blend(under: np.ndarray, over: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`over` laid on `under`, (H, W, 3), with alpha (H, W) in [0, 1]; float, never wrapping."""
    share = alpha[..., None]
    blended: np.ndarray = under * (1 - share) + over * share
    return blended


def to_pixels(colours: np.ndarray) -> np.ndarray:
    """Float RGB as uint8, rounded and clipped."""
    pixels: np.ndarray = np.rint(np.clip(colours, 0, 255)).astype(np.uint8)
    return pixels
