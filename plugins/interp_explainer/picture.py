"""Small pictures of where filters look: the image, darker but on the part, which is outlined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIDE = 96
"""Pixels of a picture's side."""
RED = (220, 30, 30)
SHADE = 0.5


def outline(image: np.ndarray, over: np.ndarray, limit: float) -> np.ndarray:
    """An image (H, W, 3) at (SIDE, SIDE, 3), darker but where its map (H, W) exceeds the limit."""
    import cv2

    small = np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    inside = cv2.resize(over.astype(np.float32), (SIDE, SIDE)) > limit
    shaded = np.where(inside[..., None], small, (small * SHADE).astype(np.uint8))
    found = np.ascontiguousarray(shaded)
    edges, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(found, edges, -1, RED, 1)
    return found


def tiled(pictures: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Pictures (SIDE, SIDE, 3) in rows, white where there are no more of them."""
    empty = np.full((SIDE, SIDE, 3), 255, np.uint8)
    filled = [*pictures, *[empty] * (-len(pictures) % columns)]
    rows = [np.concatenate(filled[n : n + columns], 1) for n in range(0, len(filled), columns)]
    return np.concatenate(rows)
