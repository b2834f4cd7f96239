"""Where the creatures of one image stand and how they are coloured."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from interp_creatures.background import fill
from interp_creatures.config import Config, Range
from interp_creatures.creature import Creature, random_creature, transformation
from interp_creatures.species import CLASSES

MARGIN = 2.0  # pixels kept free at the image's edge
PARTS = 5  # colours of one creature
CROWDED = 0.32  # the largest masks of a crowd together, fraction of the image


def compose(
    label: int, pair: bool, ground: np.ndarray, config: Config, rng: np.random.Generator
) -> tuple[Creature, ...]:
    """One creature away from the image's centre, or two that do not touch, the larger first.

    They are in pixels, and coloured to stand out from the background `ground`, RGB in [0, 1].
    """
    other = int((label + rng.integers(1, len(CLASSES))) % len(CLASSES))
    while True:
        first = _unit_creature(label, ground, config, rng)
        larger = _placed(first, config.two_area if pair else config.area, config, rng)
        if larger is None:
            continue
        if not pair:
            return (larger,)
        smaller = _beside(larger, _unit_creature(other, ground, config, rng), config, rng)
        if smaller is not None:
            return larger, smaller


def silhouette(creature: Creature, size: int) -> np.ndarray:
    """The creature's pixels, (size, size) bool."""
    canvas = np.zeros((size, size), np.uint8)
    for piece in creature.pieces:
        fill(canvas, piece.outline, (1,), smooth=False)
    return canvas.astype(bool)


def crowd(
    labels: Sequence[int], ground: np.ndarray, config: Config, rng: np.random.Generator
) -> tuple[Creature, ...]:
    """A creature of each label, in this order, that do not touch, in pixels.

    The more there are, the smaller the largest may be.
    """
    most = min(config.area[1], CROWDED / len(labels))
    while True:
        found: list[Creature] = []
        for label in labels:
            creature = _unit_creature(label, ground, config, rng)
            taken = [silhouette(other, config.size) for other in found]
            placed = _clear_of(taken, creature, (config.area[0], most), config, rng)
            if placed is None:
                break
            found.append(placed)
        else:
            return tuple(found)


def _beside(
    larger: Creature, creature: Creature, config: Config, rng: np.random.Generator
) -> Creature | None:
    """The creature, smaller and clear of the other, or None after some tries."""
    taken = silhouette(larger, config.size)
    least, most = config.area[0], taken.mean() * config.two_ratio
    if most <= least:
        return None
    return _clear_of([taken], creature, (least, most), config, rng)


def _clear_of(
    taken: Sequence[np.ndarray],
    creature: Creature,
    area: Range,
    config: Config,
    rng: np.random.Generator,
) -> Creature | None:
    """The creature in an area within the range, clear of what is taken; None after some tries."""
    occupied = np.any([np.zeros((config.size, config.size), bool), *taken], axis=0)
    clear = cv2.dilate(occupied.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    for _ in range(12):
        placed = _placed(creature, area, config, rng)
        if placed is None:
            return None
        if not (silhouette(placed, config.size) & clear).any():
            return placed
    return None


def _unit_creature(
    label: int, ground: np.ndarray, config: Config, rng: np.random.Generator
) -> Creature:
    """A creature in its own frame, scaled to a mask as large as the image."""
    creature = random_creature(label, _colours(ground, config, rng), config, rng)
    unit = config.size / 7  # so that any creature fits on the canvas
    spread = creature.moved(np.eye(2) * unit, config.size / 2)
    area = silhouette(spread, config.size).mean()
    return creature.moved(np.eye(2) * unit / np.sqrt(area))


def _placed(
    creature: Creature, area: Range, config: Config, rng: np.random.Generator
) -> Creature | None:
    """Mirrored, turned and scaled to an area within the range, off the image's centre.

    Turns that would need too large a box are drawn again; None after some tries.
    """
    vertices = creature.vertices()
    for _ in range(12):
        angle, mirror = np.radians(rng.uniform(*config.rotation)), rng.random() < config.mirror
        matrix = transformation(angle, bool(mirror))
        spread = vertices @ matrix.T
        low, extent = spread.min(axis=0), np.ptp(spread, axis=0)
        most = min(area[1], _largest(extent, config))
        if most < area[0]:
            continue
        scale = np.sqrt(rng.uniform(area[0], most))
        corner = _off_centre(extent * scale + 1, config, rng)
        if corner is not None:
            return creature.moved(matrix * scale, corner - low * scale)
    return None


def _largest(extent: np.ndarray, config: Config) -> float:
    """The largest mask, as a fraction of the image, whose box keeps within the limits."""
    width, height = extent
    by_area = config.box_limit * config.size**2 / (width * height)
    by_side = ((config.size - 2 * MARGIN - 2) / max(width, height)) ** 2
    return float(min(by_area, by_side)) * 0.94  # pixels at the edge count whole


def _off_centre(extent: np.ndarray, config: Config, rng: np.random.Generator) -> np.ndarray | None:
    """A corner for a box of this extent, away from the centred box; None where none is found."""
    slack = config.size - 2 * MARGIN - extent
    for corner in MARGIN + slack * rng.beta(0.6, 0.6, (12, 2)):
        away = np.abs(corner + extent / 2 - config.size / 2)
        width, height = extent - away
        overlap = max(width, 0.0) * max(height, 0.0)
        if overlap / (2 * extent[0] * extent[1] - overlap) <= config.off_centre:
            return np.asarray(corner)
    return None


def _colours(ground: np.ndarray, config: Config, rng: np.random.Generator) -> np.ndarray:
    """One colour per part, (PARTS, 3), each at least the drawn contrast away from the ground."""
    contrast = rng.uniform(*config.contrast)
    while True:
        base = rng.uniform(0, 1, 3)
        spread = config.part_contrast
        coat = np.clip(base + rng.uniform(-spread, spread, (PARTS, 3)), 0.02, 0.98)
        if np.linalg.norm(coat - ground, axis=1).min() >= contrast:
            return np.asarray(coat)
