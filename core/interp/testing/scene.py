"""Scenes: images whose explanation is known by hand, coloured squares on grey noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIZE, SIDE, CELL = 64, 12, 4
"""Side in pixels of the network's input, of a square, and of a cell of the last layer."""
COLOURS = {"red": (220, 40, 40), "green": (40, 220, 40), "blue": (40, 40, 220), "white": (245,) * 3}


@dataclass(frozen=True, eq=False)
class Scene:
    """An image (64, 128, 3) uint8, and its squares' masks (64, 128) bool by colour.

    It is twice as wide as high, so that the network's square input differs from it.
    """

    image: np.ndarray
    masks: dict[str, np.ndarray]

    def near(self, colour: str) -> np.ndarray:
        """The square and one cell of the last layer around it, (64, 128) bool."""
        import cv2

        around = np.ones((2 * CELL + 1, 4 * CELL + 1), np.uint8)  # the image is twice as wide
        return cv2.dilate(self.masks[colour].astype(np.uint8), around).astype(bool)

    def contrast(self, values: np.ndarray, colour: str) -> float:
        """Mean of a map (64, 128) on a square less its mean away from all squares."""
        rest = ~np.logical_or.reduce([self.near(each) for each in self.masks])
        return float(values[self.masks[colour]].mean() - values[rest].mean())


def scene(seed: int, shown: Sequence[str] = tuple(COLOURS)) -> Scene:
    """Squares of the colours `shown` on grey noise, each in its own quarter of the image."""
    random = np.random.default_rng(seed)
    image = np.repeat(random.integers(108, 133, (SIZE, SIZE, 1)), 3, 2).astype(np.uint8)
    corners = random.permutation([(0, 0), (0, SIZE // 2), (SIZE // 2, 0), (SIZE // 2, SIZE // 2)])
    masks = {}
    for colour, corner in zip(COLOURS, corners, strict=True):
        top, left = corner + CELL * random.integers(1, 5, 2)
        if colour in shown:
            mask = np.zeros((SIZE, SIZE), bool)
            mask[top : top + SIDE, left : left + SIDE] = True
            image[mask] = COLOURS[colour]
            masks[colour] = mask.repeat(2, 1)
    return Scene(image.repeat(2, 1), masks)
