"""Outlines of a creature's parts, as polygons of about unit size."""

from __future__ import annotations

import numpy as np

Outline = tuple[np.ndarray, ...]
"""Closed contours (N, 2), each of which is filled."""
TURN = 2 * np.pi


def ellipse(x: float, y: float, rx: float, ry: float, count: int = 24) -> np.ndarray:
    """A polygon of `count` corners around the centre (x, y), (count, 2)."""
    angle = np.arange(count) * (TURN / count)
    return np.asarray(np.stack([np.cos(angle), np.sin(angle)], axis=1) * (rx, ry) + (x, y))


def points(*pairs: tuple[float, float]) -> np.ndarray:
    """A polygon of the given corners, (N, 2)."""
    return np.array(pairs, dtype=np.float64)


def _star() -> np.ndarray:
    angle = np.arange(10) * TURN / 10 + TURN / 20
    radius = np.where(np.arange(10) % 2 == 0, 0.36, 0.84)
    return np.stack([0.5 + radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _crescent() -> np.ndarray:
    outer = np.linspace(TURN * 0.1, TURN * 0.9, 22)
    inner = np.linspace(TURN * 0.77, TURN * 0.23, 16)
    edge = np.stack([0.5 + 0.7 * np.cos(outer), 0.7 * np.sin(outer)], axis=1)
    bite = np.stack([0.98 + 0.5 * np.cos(inner), 0.42 * np.sin(inner)], axis=1)
    return np.concatenate([edge, bite])


def _ring() -> np.ndarray:
    """A disc with a hole, as one contour that goes in and out again along the same line."""
    outer = ellipse(0.88, 0, 0.6, 0.6)
    inner = ellipse(0.88, 0, 0.31, 0.31)[::-1]
    return np.concatenate([outer, outer[:1], inner[-1:], inner])


def _zigzag() -> np.ndarray:
    centre = points((0.25, 0.0), (0.55, -0.42), (0.95, 0.42), (1.3, -0.42), (1.62, 0.3))
    shift = points((0.0, 0.17))
    return np.concatenate([centre + shift, [[1.7, 0.12]], (centre - shift)[::-1]])


HEADS: dict[str, Outline] = {
    "round": (ellipse(0.44, 0, 0.52, 0.52),),
    "square": (points((-0.02, -0.46), (0.9, -0.46), (0.9, 0.46), (-0.02, 0.46)),),
    "triangle": (points((-0.06, -0.68), (1.16, 0), (-0.06, 0.68)),),
    "star": (_star(),),
    "crescent": (_crescent(),),
}
"""Heads look along +x from the neck at the origin. All have about the same area."""

STALK = points((-0.15, -0.13), (0.36, -0.13), (0.36, 0.13), (-0.15, 0.13))
TAILS: dict[str, Outline] = {
    "paddle": (STALK, ellipse(0.92, 0, 0.62, 0.34)),
    "fork": (
        STALK,
        points(
            (0.3, -0.13), (0.62, -0.16), (1.36, -0.72), (1.5, -0.5), (0.86, 0.0),
            (1.5, 0.5), (1.36, 0.72), (0.62, 0.16), (0.3, 0.13),
        ),
    ),
    "hammer": (
        STALK,
        points(
            (0.3, -0.13), (0.88, -0.13), (0.88, -0.74), (1.24, -0.74),
            (1.24, 0.74), (0.88, 0.74), (0.88, 0.13), (0.3, 0.13),
        ),
    ),
    "ring": (STALK, _ring()),
    "zigzag": (STALK, _zigzag()),
}  # fmt: skip
"""Tails leave the body at the origin along +x. The stalk is the same for all."""
