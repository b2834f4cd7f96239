"""Hide parts of an example: paint over some, or keep only some."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np

from interp.dataset import Example
from interp_creatures.species import DEFINING


def paint_over(
    example: Example, parts: Collection[str] = DEFINING, fill: str = "mean"
) -> np.ndarray:
    """The image with a disc over each named part, so that no outline betrays its shape.

    `fill` is "mean" (the image's mean colour) or "surroundings" (inpainted from the disc's edge).
    """
    hole = np.zeros(example.image.shape[:2], np.uint8)
    for mask in _masks(example, parts):
        # The smallest disc around the part, with two pixels to spare.
        (x, y), radius = cv2.minEnclosingCircle(np.argwhere(mask)[:, ::-1].astype(np.float32))
        cv2.circle(hole, (round(x), round(y)), int(np.ceil(radius)) + 2, 1, -1)
    if fill == "surroundings":
        return np.asarray(cv2.inpaint(example.image, hole, 3, cv2.INPAINT_TELEA))
    return _filled(example.image, hole > 0)


def keep_only(
    example: Example, parts: Collection[str] = DEFINING, colour: np.ndarray | None = None
) -> np.ndarray:
    """The image with all but the named parts in one colour, by default the image's mean."""
    nothing = np.zeros(example.image.shape[:2], bool)
    shown = np.any([nothing, *_masks(example, parts)], axis=0)
    return _filled(example.image, ~shown, colour)


def _masks(example: Example, names: Collection[str]) -> list[np.ndarray]:
    parts = [part for instance in example.instances for part in instance.parts]
    return [part.mask for part in parts if part.name in names and part.mask is not None]


def _filled(image: np.ndarray, hole: np.ndarray, colour: np.ndarray | None = None) -> np.ndarray:
    paint = image.mean(axis=(0, 1)) if colour is None else colour
    return np.where(hole[..., None], np.round(paint).astype(np.uint8), image)
