"""The peak of a map, where it speaks most for its target, and the ring that marks it."""

from __future__ import annotations

import numpy as np

RADIUS = 0.03
"""Radius of the ring as a share of the picture's width."""
SMALLEST = 4
"""Least radius in pixels."""


def peak(values: np.ndarray) -> tuple[float, float] | None:
    """Where a map (H, W) is largest, down and across as shares; None where nothing is positive.

    Where many pixels share the largest value, as those of a part do, it is the innermost of the
    largest group of them.
    """
    import cv2

    largest = values.max(initial=0)
    if largest <= 0:
        return None
    tops = (values == largest).astype(np.uint8)
    _, groups, sizes, _ = cv2.connectedComponentsWithStats(tops)
    group = 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA]))
    left, top, width, height, _ = sizes[group].tolist()
    own = groups[top : top + height, left : left + width] == group
    inside = cv2.distanceTransform(
        np.pad(own.astype(np.uint8), 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    row, column = np.unravel_index(int(inside[1:-1, 1:-1].argmax()), own.shape)
    return (
        float((top + row + 0.5) / values.shape[0]),
        float((left + column + 0.5) / values.shape[1]),
    )


def draw_ring(picture: np.ndarray, place: tuple[float, float]) -> None:
    """A white ring with dark rims on a picture (h, w, 3) uint8, in place."""
    import cv2

    height, width = picture.shape[:2]
    middle = (int(place[1] * width), int(place[0] * height))
    radius = max(SMALLEST, round(RADIUS * width))
    for thickness, colour in ((4, (0, 0, 0)), (2, (255, 255, 255))):
        cv2.circle(picture, middle, radius, colour, thickness, cv2.LINE_AA)
