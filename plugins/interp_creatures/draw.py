"""Draws the image of a seed and an index, with its exact masks, boxes and parts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np

from interp.dataset import Example, Instance, Part
from interp_creatures.background import backdrop, fill, scatter, smooth_noise, stripes
from interp_creatures.config import Config
from interp_creatures.creature import Creature
from interp_creatures.scene import compose, crowd
from interp_creatures.species import CLASSES, DEFINING

SCENE, GROUND, COAT, LIGHT = range(4)  # independent random streams of one image
MOST = 3  # creatures of a crowd


def stream(seed: int, index: int, number: int) -> np.random.Generator:
    """The random generator of one purpose in one image, the same on every machine."""
    return np.random.Generator(np.random.Philox(key=[seed, index], counter=[0, 0, 0, number]))


def draw(
    seed: int, index: int, two: bool | None, config: Config, hidden: Collection[str] = ()
) -> Example:
    """Image `index` of `seed`; parts named in `hidden` are left out, all else is as it was."""
    rng = stream(seed, index, SCENE)
    chance = bool(rng.random() < config.two)
    label = index % len(CLASSES)
    ground = rng.uniform(0.15, 0.85, 3)
    creatures = compose(label, chance if two is None else two, ground, config, rng)
    return paint(f"creatures-s{seed}-{index:05d}", seed, index, ground, creatures, config, hidden)


def draw_crowd(seed: int, index: int, config: Config, hidden: Collection[str] = ()) -> Example:
    """Image `index` of `seed` with one, two or three creatures of any classes, in turn."""
    rng = stream(seed, index, SCENE)
    others = rng.integers(len(CLASSES), size=index // len(CLASSES) % MOST)
    ground = rng.uniform(0.15, 0.85, 3)
    labels = [index % len(CLASSES), *others.tolist()]
    creatures = crowd(labels, ground, config, rng)
    return paint(f"scenes-s{seed}-{index:05d}", seed, index, ground, creatures, config, hidden)


def paint(
    name: str,
    seed: int,
    index: int,
    ground: np.ndarray,
    creatures: Sequence[Creature],
    config: Config,
    hidden: Collection[str] = (),
) -> Example:
    """The creatures on a background of the mean colour `ground`, as an example of this name."""
    instances = tuple(annotate(creature, config.size, hidden) for creature in creatures)
    rng = stream(seed, index, GROUND)
    image = _to_uint8(backdrop(ground, config, rng))
    colours = np.stack([piece.colour for creature in creatures for piece in creature.pieces])
    scatter(image, np.concatenate([colours, rng.uniform(0, 1, (3, 3))]), config, rng)
    for number, creature in enumerate(creatures):
        for piece in creature.pieces:
            if piece.part not in hidden:
                fill(image, piece.outline, tuple((piece.colour * 255).tolist()))
        _add_coat(image, instances[number], config, stream(seed, index, COAT + 2 * number))
    image = _add_light(image, config, stream(seed, index, LIGHT))
    return Example(name, image, creatures[0].label, instances)


def annotate(creature: Creature, size: int, hidden: Collection[str] = ()) -> Instance:
    """Box, mask and parts of a creature, from the pixels where its pieces are on top."""
    owner = np.zeros((size, size), np.uint8)
    names = list(dict.fromkeys(piece.part for piece in creature.pieces if piece.part not in hidden))
    for piece in creature.pieces:
        if piece.part in names:
            fill(owner, piece.outline, (names.index(piece.part) + 1,), smooth=False)
    mask = owner > 0
    parts = tuple(_part(name, owner == number + 1) for number, name in enumerate(names))
    return Instance(creature.label, tight_box(mask), mask, parts)


def tight_box(mask: np.ndarray) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of a mask, right and bottom one past the last pixel."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _part(name: str, mask: np.ndarray) -> Part:
    moment = cv2.moments(mask.view(np.uint8), binaryImage=True)
    area = max(moment["m00"], 1.0)
    centre = (moment["m10"] / area + 0.5, moment["m01"] / area + 0.5)
    return Part(name, centre, mask, name in DEFINING)


def _add_coat(
    image: np.ndarray, instance: Instance, config: Config, rng: np.random.Generator
) -> None:
    """Stripes or spots on one creature, in place."""
    strength = np.float32(rng.uniform(*config.coat))
    coat = stripes(config.size, rng) if rng.random() < 0.4 else smooth_noise(config.size, rng)
    left, top, right, bottom = (int(edge) for edge in instance.box)
    window = slice(top, bottom), slice(left, right)
    shown = instance.mask[window] if instance.mask is not None else True
    gain = np.where(shown, 1 + strength * coat[window], 1) / np.float32(255)
    image[window] = _to_uint8(image[window] * gain[..., None])


def _add_light(image: np.ndarray, config: Config, rng: np.random.Generator) -> np.ndarray:
    """Uneven light, a little blur and pixel noise."""
    size = config.size
    slope = rng.uniform(-1, 1, 2).astype(np.float32) * np.float32(rng.uniform(*config.light))
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    gain = 1 + slope[0] * axis[:, None] + slope[1] * axis
    blur, amplitude = rng.uniform(*config.blur), rng.uniform(*config.noise)
    if blur > 0.3:
        image = cv2.GaussianBlur(image, (3, 3), blur)
    noise = rng.integers(0, 256, image.shape, dtype=np.uint8).astype(np.float32) - 127.5
    lit = image * (gain / 255)[..., None] + noise * np.float32(amplitude / 127.5)
    return _to_uint8(lit)


def _to_uint8(image: np.ndarray) -> np.ndarray:
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
