"""Colour scales, colour-blind safe: a diverging one centred on zero and a sequential one."""

from functools import lru_cache

import cv2
import numpy as np

LAB_ANCHORS = np.array(
    [
        [40, 58, 78, 96, 78, 58, 40],
        [8, -2, -8, 0, 26, 54, 58],
        [-52, -44, -20, 0, 15, 36, 38],
    ],
    np.float32,
)
"""L*, a* and b* at seven even steps from -1 to 1. Both arms have the same lightness, so that
neither sign looks stronger."""
STEPS = 256
OKABE_ITO = ["0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9", "000000"]
"""Okabe and Ito's palette without its yellow, which is too light for a line on white."""


@lru_cache
def _diverging_table() -> np.ndarray:
    # an odd number of entries, so that zero has one of its own
    places = np.linspace(0, 6, 2 * STEPS + 1)
    lab = [np.interp(places, np.arange(7), each) for each in LAB_ANCHORS]
    pixels = np.stack(lab, -1).astype(np.float32)[None]  # (1, 2 STEPS + 1, 3)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_Lab2RGB)[0]).clip(0, 1) * 255


@lru_cache
def _sequential_table() -> np.ndarray:
    levels = np.arange(256, dtype=np.uint8)[None]
    bgr = np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[0])
    return bgr[:, ::-1].astype(np.float32)


def diverging(share: np.ndarray) -> np.ndarray:
    """Blue at -1, near white at 0, red at 1: float RGB (..., 3) in [0, 255]."""
    index = np.rint((np.clip(share, -1, 1) + 1) * STEPS).astype(int)
    return np.take(_diverging_table(), index, 0)


def sequential(share: np.ndarray) -> np.ndarray:
    """Dark violet at 0 to yellow at 1, evenly perceived: float RGB (..., 3) in [0, 255]."""
    index = np.rint(np.clip(share, 0, 1) * 255).astype(int)
    return np.take(_sequential_table(), index, 0)


def series(count: int) -> np.ndarray:
    """Colours for `count` lines, (count, 3) float RGB; up to seven are colour-blind safe."""
    if count <= len(OKABE_ITO):
        return np.array([list(bytes.fromhex(each)) for each in OKABE_ITO], np.float32)[:count]
    return sequential(np.linspace(0, 0.9, count))


def blend(under: np.ndarray, over: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`over` blended onto `under`, both (H, W, 3), with alpha (H, W) in [0, 1]; float."""
    share = alpha[..., None]
    blended: np.ndarray = under * (1 - share) + over * share
    return blended


def to_pixels(colours: np.ndarray) -> np.ndarray:
    """Float RGB as uint8, rounded and clipped."""
    pixels: np.ndarray = np.rint(np.clip(colours, 0, 255)).astype(np.uint8)
    return pixels
