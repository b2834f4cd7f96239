"""The background: a texture and loose shapes, neither of which depends on the class."""

from __future__ import annotations

import cv2
import numpy as np

from interp_creatures.config import Config
from interp_creatures.creature import moved, transformation
from interp_creatures.shape import HEADS, TAILS, Outline, ellipse, points


def smooth_noise(size: int, rng: np.random.Generator, finest: int = 28) -> np.ndarray:
    """Smooth noise of several octaves, (size, size), about -1 to 1."""
    total = np.zeros((size, size), dtype=np.float32)
    weight = 1.0
    cells = int(rng.integers(3, 6))
    while cells <= finest:
        grid = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
        total += weight * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        cells, weight = cells * 2, weight * 0.6
    return total / 1.2


def stripes(size: int, rng: np.random.Generator) -> np.ndarray:
    """Stripes of a random direction and pitch, (size, size), -1 to 1."""
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(5, 16)
    axis = np.arange(size, dtype=np.float32) * np.float32(2 * np.pi / pitch)
    phase = axis * np.float32(np.cos(angle)) + (axis * np.float32(np.sin(angle)))[:, None]
    return np.asarray(np.sin(phase + np.float32(rng.uniform(0, 6))))


def patches(size: int, rng: np.random.Generator) -> np.ndarray:
    """Squares of random brightness, (size, size), -1 to 1."""
    cells = int(rng.integers(4, 12))
    grid = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(grid, (size, size), interpolation=cv2.INTER_NEAREST)


def texture(size: int, rng: np.random.Generator) -> np.ndarray:
    """Stripes, patches or, twice as often as either, smooth noise."""
    kind = rng.integers(4)
    if kind == 0:
        return stripes(size, rng)
    if kind == 1:
        return patches(size, rng)
    return smooth_noise(size, rng)


def backdrop(colour: np.ndarray, config: Config, rng: np.random.Generator) -> np.ndarray:
    """A texture whose mean is `colour`, (H, W, 3) float32 in about [0, 1]."""
    size = config.size
    strength = rng.uniform(*config.texture)
    tint = rng.uniform(-1, 1, (2, 3)).astype(np.float32)
    tint = 0.5 * tint + 0.5 * np.sign(tint.mean(axis=1, keepdims=True))
    first, second = texture(size, rng), smooth_noise(size, rng, 12)
    ground = first[..., None] * (tint[0] * strength * 0.7)
    ground += second[..., None] * (tint[1] * strength * 0.5)
    return np.asarray(ground + colour.astype(np.float32))


def scatter(
    image: np.ndarray, colours: np.ndarray, config: Config, rng: np.random.Generator
) -> None:
    """Draw distractors (lines and shapes of random colour) into a uint8 image, in place."""
    low, high = config.distractor
    for _ in range(int(rng.integers(low, high + 1))):
        colour = colours[rng.integers(len(colours))] + rng.uniform(-0.12, 0.12, 3)
        paint = tuple((np.clip(colour, 0, 1) * 255).tolist())
        place = rng.uniform(0, config.size, 2)
        if rng.random() < 0.35:
            ends = np.round([place * 16, (place + rng.uniform(-45, 45, 2)) * 16]).astype(int)
            cv2.line(image, *ends.tolist(), paint, int(rng.integers(1, 4)), cv2.LINE_AA, shift=4)
        else:
            outline = _decoy(rng) if rng.random() < config.decoy else (_shape(rng),)
            matrix = transformation(rng.uniform(0, 2 * np.pi), False, rng.uniform(4, 11))
            fill(image, moved(outline, matrix, place), paint)


def _decoy(rng: np.random.Generator) -> Outline:
    """A head or tail without its creature, about half as large as on one."""
    shapes = [*HEADS.values(), *TAILS.values()]
    return tuple(contour * 0.8 for contour in shapes[rng.integers(len(shapes))])


def _shape(rng: np.random.Generator) -> np.ndarray:
    """A blob, a leg, a lens, a wedge, an elbow or an irregular polygon, about unit size."""
    kind = rng.integers(6)
    if kind == 0:
        return ellipse(0, 0, 1, rng.uniform(0.5, 1))
    if kind == 1:
        return points((-1, -0.22), (1, -0.22), (1, 0.22), (-1, 0.22))
    if kind == 2:
        return ellipse(0, 0, 1.2, rng.uniform(0.3, 0.6))
    if kind == 3:
        return points((-1, -0.4), (1.2, 0), (-1, 0.4))
    if kind == 4:
        return points((-1, -1), (-0.5, -1), (-0.5, 0.5), (1, 0.5), (1, 1), (-1, 1))
    angle = np.sort(rng.uniform(0, 2 * np.pi, 7))
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.5, 1.1, (7, 1))


def fill(
    image: np.ndarray, outline: Outline, paint: tuple[float, ...], smooth: bool = True
) -> None:
    """Fill every contour of an outline in pixels (centres at whole numbers), in place."""
    for contour in outline:
        fixed = np.round(contour * 16).astype(np.int32)
        cv2.fillPoly(image, [fixed], paint, cv2.LINE_AA if smooth else cv2.LINE_8, shift=4)
