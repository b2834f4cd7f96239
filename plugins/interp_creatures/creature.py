"""A creature: its parts as polygons, with the body at the origin and the head towards +x."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from interp_creatures.config import Config
from interp_creatures.shape import HEADS, TAILS, Outline, ellipse, points
from interp_creatures.species import CLASSES

HEAD_AREA = 0.95
TAIL_AREA = 1.0


@dataclass(frozen=True, eq=False)
class Piece:
    """A coloured outline of a part; pieces are drawn in order, later ones over earlier ones."""

    part: str
    outline: Outline
    colour: np.ndarray  # RGB in [0, 1]


@dataclass(frozen=True, eq=False)
class Creature:
    """A class and the pieces that are drawn."""

    label: int
    pieces: tuple[Piece, ...]

    def moved(self, matrix: np.ndarray, shift: np.ndarray | float = 0.0) -> Creature:
        """The creature with every point p moved to `matrix @ p + shift`."""
        move = partial(moved, matrix=matrix, shift=shift)
        pieces = (replace(each, outline=move(each.outline)) for each in self.pieces)
        return Creature(self.label, tuple(pieces))

    def vertices(self) -> np.ndarray:
        """Every point of every outline, (N, 2)."""
        return np.concatenate([contour for piece in self.pieces for contour in piece.outline])


def random_creature(
    label: int, colours: np.ndarray, config: Config, rng: np.random.Generator
) -> Creature:
    """A creature of a class; everything but the shapes of head and tail is random."""
    head, tail = list(CLASSES.values())[label]
    body = rng.uniform(0.85, 1.15), rng.uniform(0.55, 0.75)
    nose, rump = np.radians([rng.uniform(-50, 5), rng.uniform(175, 230)])
    lean = np.radians(rng.uniform(-config.bend, config.bend, 2))
    end = _limb(TAILS[tail], TAIL_AREA, rump, body, lean[1])[0]
    pieces = (
        Piece("legs", _legs(*body, rng), colours[1]),
        Piece("fin", _fin(*body, rng), colours[2]),
        Piece("body", (_body(*body, rng),), colours[0]),
        Piece("tail", end, colours[3]),
        *_head(head, nose, body, lean[0], colours[4]),
    )
    return Creature(label, tuple(each for each in pieces if each.outline))


def transformation(angle: float, mirror: bool, scale: float = 1.0) -> np.ndarray:
    """The matrix (2, 2) that mirrors, rotates by `angle` radians and scales."""
    cos, sin, flip = np.cos(angle), np.sin(angle), -1.0 if mirror else 1.0
    return scale * np.array([[cos * flip, -sin], [sin * flip, cos]])


def moved(outline: Outline, matrix: np.ndarray, shift: np.ndarray | float) -> Outline:
    """The outline with every point p at `matrix @ p + shift`."""
    return tuple(contour @ matrix.T + shift for contour in outline)


def _body(length: float, height: float, rng: np.random.Generator) -> np.ndarray:
    """An oval, a barrel or a pear."""
    kind = rng.integers(3)
    outline = ellipse(0, 0, 1, 1, 28)
    if kind == 1:
        outline = np.sign(outline) * np.abs(outline) ** 0.65
    if kind == 2:
        outline[:, 1] *= 1 + 0.25 * outline[:, 0]
    return np.asarray(outline * (length, height))


def _limb(
    outline: Outline, area: float, place: float, body: tuple[float, float], bend: float
) -> tuple[Outline, np.ndarray, np.ndarray]:
    """Head or tail at the body's edge, pointing outwards, with its matrix and its root (2,)."""
    matrix = transformation(place + bend, False, np.sqrt(area / outline_area(outline)))
    root = 0.93 * np.array([body[0] * np.cos(place), body[1] * np.sin(place)])
    return moved(outline, matrix, root), matrix, root


def _head(
    shape: str, place: float, body: tuple[float, float], bend: float, colour: np.ndarray
) -> tuple[Piece, ...]:
    """The head and its eye, which sits at the same point of every shape."""
    outline, matrix, root = _limb(HEADS[shape], HEAD_AREA, place, body, bend)
    eye = moved((ellipse(0.14, 0, 0.17, 0.17, 12),), matrix, root)
    pupil = moved((ellipse(0.18, 0, 0.09, 0.09, 8),), matrix, root)
    white, black = np.full(3, 0.95), np.full(3, 0.05)
    return Piece("head", outline, colour), Piece("head", eye, white), Piece("head", pupil, black)


def outline_area(outline: Outline) -> float:
    """Area inside the contours, overlaps counted twice."""
    total = 0.0
    for contour in outline:
        x, y = contour.T
        total += abs(x[:-1] @ y[1:] - y[:-1] @ x[1:] + x[-1] * y[0] - y[-1] * x[0]) / 2
    return total


def _legs(length: float, height: float, rng: np.random.Generator) -> Outline:
    count, kind = int(rng.integers(2, 5)), int(rng.integers(3))
    reach = height + rng.uniform(0.35, 0.6)
    width = rng.uniform(0.1, 0.17)
    return tuple(
        _leg(x, x + rng.uniform(-0.15, 0.15), reach, width, kind)
        for x in np.linspace(-0.62, 0.62, count) * length
    )


def _leg(x: float, foot: float, reach: float, width: float, kind: int) -> np.ndarray:
    """A post, a wedge or a boot."""
    if kind == 0:
        return points(
            (x - width, 0.2), (x + width, 0.2), (foot + width, reach), (foot - width, reach)
        )
    if kind == 1:
        return points((x - 1.6 * width, 0.2), (x + 1.6 * width, 0.2), (foot, reach + 0.1))
    toe = foot + 2.6 * width
    return points(
        (x - width, 0.2), (x + width, 0.2), (foot + width, reach - 1.2 * width),
        (toe, reach - 1.2 * width), (toe, reach), (foot - width, reach),
    )  # fmt: skip


def _fin(length: float, height: float, rng: np.random.Generator) -> Outline:
    """Nothing, a sail, a row of spikes or a hump on the back."""
    kind, rise = rng.integers(4), rng.uniform(0.3, 0.5)
    if kind == 0:
        return ()
    if kind == 1:
        return (points((-0.5, -0.3), (-0.75, -height - rise), (0.45, -0.3)) * (length, 1),)
    if kind == 2:
        return tuple(
            points((x - 0.17, -0.3), (x - 0.1, -height - rise * 0.8), (x + 0.17, -0.3))
            for x in np.array([-0.42, -0.08, 0.26]) * length
        )
    return (ellipse(-0.1 * length, -height * 0.75, 0.38 * length, rise),)
