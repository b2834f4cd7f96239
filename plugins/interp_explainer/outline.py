"""Small pictures of where filters are active: the image, darkened outside the outlined part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIDE = 96
"""Side of a picture in pixels."""
RED = (220, 30, 30)
SHADE = 0.5


def outline(image: np.ndarray, over: np.ndarray, limit: float) -> np.ndarray:
    """An image (H, W, 3) as (SIDE, SIDE, 3), outlined where its map (H, W) exceeds the limit."""
    import cv2

    small = np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    inside = cv2.resize(over.astype(np.float32), (SIDE, SIDE)) > limit
    found = np.where(inside[..., None], small, (small * SHADE).astype(np.uint8))
    edges, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.ascontiguousarray(found), edges, -1, RED, 1))


def tiled(pictures: Sequence[np.ndarray], columns: int, count: int | None = None) -> np.ndarray:
    """Pictures (SIDE, SIDE, 3) in rows as one; white where there are fewer than `count`."""
    rows = -(-(count or len(pictures)) // columns)
    found = np.full((rows * columns, SIDE, SIDE, 3), 255, np.uint8)
    found[: len(pictures)] = pictures
    return (
        found.reshape(rows, columns, SIDE, SIDE, 3)
        .swapaxes(1, 2)
        .reshape(rows * SIDE, columns * SIDE, 3)
    )
