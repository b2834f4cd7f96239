"""Outlines of a creature's parts, as polygons of about unit size."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

Outline = tuple[np.ndarray, ...]  # closed contours (N, 2), each filled
TURN = 2 * np.pi


def ellipse(x: float, y: float, rx: float, ry: float, count: int = 24) -> np.ndarray:
    return np.asarray(_circle(count) * (rx, ry) + (x, y))


@cache
def _circle(count: int) -> np.ndarray:
    angle = np.arange(count) * (TURN / count)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def points(*pairs: tuple[float, float]) -> np.ndarray:
    return np.array(pairs, dtype=np.float64)


# Heads look along +x from the neck at the origin. All have about the same area.


@cache
def round_head() -> Outline:
    return (ellipse(0.44, 0, 0.52, 0.52),)


@cache
def square_head() -> Outline:
    return (points((-0.02, -0.46), (0.9, -0.46), (0.9, 0.46), (-0.02, 0.46)),)


@cache
def triangle_head() -> Outline:
    return (points((-0.06, -0.68), (1.16, 0), (-0.06, 0.68)),)


@cache
def star_head() -> Outline:
    angle = np.arange(10) * TURN / 10 + TURN / 20
    radius = np.where(np.arange(10) % 2 == 0, 0.36, 0.84)
    return (np.stack([0.5 + radius * np.cos(angle), radius * np.sin(angle)], axis=1),)


@cache
def crescent_head() -> Outline:
    outer = np.linspace(TURN * 0.1, TURN * 0.9, 22)
    inner = np.linspace(TURN * 0.77, TURN * 0.23, 16)
    edge = np.stack([0.5 + 0.7 * np.cos(outer), 0.7 * np.sin(outer)], axis=1)
    bite = np.stack([0.98 + 0.5 * np.cos(inner), 0.42 * np.sin(inner)], axis=1)
    return (np.concatenate([edge, bite]),)


# Tails leave the body at the origin along +x. The stalk is the same for all.

STALK = 0.36


@cache
def paddle_tail() -> Outline:
    return (stalk(), ellipse(0.92, 0, 0.62, 0.34))


@cache
def fork_tail() -> Outline:
    prong = points(
        (0.3, -0.13), (0.62, -0.16), (1.36, -0.72), (1.5, -0.5), (0.86, 0.0),
        (1.5, 0.5), (1.36, 0.72), (0.62, 0.16), (0.3, 0.13),
    )  # fmt: skip
    return (stalk(), prong)


@cache
def hammer_tail() -> Outline:
    bar = points(
        (0.3, -0.13), (0.88, -0.13), (0.88, -0.74), (1.24, -0.74),
        (1.24, 0.74), (0.88, 0.74), (0.88, 0.13), (0.3, 0.13),
    )  # fmt: skip
    return (stalk(), bar)


@cache
def ring_tail() -> Outline:
    outer = ellipse(0.88, 0, 0.6, 0.6)
    inner = ellipse(0.88, 0, 0.31, 0.31)[::-1]
    keyhole = np.concatenate([outer, outer[:1], inner[-1:], inner])
    return (stalk(), keyhole)


@cache
def zigzag_tail() -> Outline:
    centre = points((0.25, 0.0), (0.55, -0.42), (0.95, 0.42), (1.3, -0.42), (1.62, 0.3))
    shift = points((0.0, 0.17))
    lower = np.concatenate([centre + shift, [[1.7, 0.12]]])
    return (stalk(), np.concatenate([lower, (centre - shift)[::-1]]))


def stalk() -> np.ndarray:
    return points((-0.15, -0.13), (STALK, -0.13), (STALK, 0.13), (-0.15, 0.13))


HEADS: dict[str, Callable[[], Outline]] = {
    "round": round_head,
    "square": square_head,
    "triangle": triangle_head,
    "star": star_head,
    "crescent": crescent_head,
}
TAILS: dict[str, Callable[[], Outline]] = {
    "paddle": paddle_tail,
    "fork": fork_tail,
    "hammer": hammer_tail,
    "ring": ring_tail,
    "zigzag": zigzag_tail,
}
