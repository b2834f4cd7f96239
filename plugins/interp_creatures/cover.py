"""Hide parts of an example: paint over some, or keep only some."""

from __future__ import annotations

from collections.abc import Collection

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
        hole |= _disc(mask)
    if fill == "surroundings":
        import cv2

        return np.asarray(cv2.inpaint(example.image, hole, 3, cv2.INPAINT_TELEA))
    return _filled(example.image, hole.astype(bool), _mean(example.image))


def keep_only(
    example: Example, parts: Collection[str] = DEFINING, colour: np.ndarray | None = None
) -> np.ndarray:
    """The image with all but the named parts in one colour, by default the image's mean."""
    kept = np.zeros(example.image.shape[:2], bool)
    for mask in _masks(example, parts):
        kept |= mask
    return _filled(example.image, ~kept, _mean(example.image) if colour is None else colour)


def _masks(example: Example, parts: Collection[str]) -> list[np.ndarray]:
    every = [part for instance in example.instances for part in instance.parts]
    return [part.mask for part in every if part.name in parts and part.mask is not None]


def _disc(mask: np.ndarray) -> np.ndarray:
    """The smallest disc around a mask with a pixel to spare, (H, W) uint8."""
    import cv2

    (x, y), radius = cv2.minEnclosingCircle(np.argwhere(mask)[:, ::-1].astype(np.float32))
    canvas = np.zeros(mask.shape, np.uint8)
    cv2.circle(canvas, (round(x), round(y)), int(np.ceil(radius)) + 2, 1, -1)
    return canvas


def _mean(image: np.ndarray) -> np.ndarray:
    return np.asarray(image.mean(axis=(0, 1)))


def _filled(image: np.ndarray, hole: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return np.where(hole[..., None], np.round(colour).astype(np.uint8), image)
