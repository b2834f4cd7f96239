"""What the networks are trained on: batches of drawn images with soft labels and part maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interp.dataset import Example
from interp_creatures.config import CONFIG
from interp_creatures.cover import keep_only
from interp_creatures.dataset import Creatures
from interp_creatures.shape import HEADS, TAILS
from interp_creatures.species import CLASSES, DEFINING

CELL = 8  # pixels of one cell of the part map: a 14 x 14 grid
OTHERS = ("body", "legs", "fin")
KINDS = 1 + len(HEADS) + len(TAILS)  # nothing, a head shape, a tail shape
LARGER = 0.6  # share of the label that the larger of two creatures gets


@dataclass(frozen=True, eq=False)
class Lesson:
    images: np.ndarray  # (N, H, W, 3) uint8
    labels: np.ndarray  # (N, K) float32, rows sum to 1
    maps: np.ndarray  # (N, h, w) int64, which kind of part lies in each cell


def prepare(seed: int, count: int, difficulty: float) -> Lesson:
    """Full creatures, one or two; 10 % with the defining parts alone and 10 % cut out."""
    config = CONFIG.eased(difficulty)
    single = Creatures(count, seed, False, config)
    double = Creatures(count, seed, True, config)
    rng = np.random.default_rng([seed, count])
    images, labels, maps = [], [], []
    for index, chance in enumerate(rng.random(count)):
        example = double[index] if chance < 0.15 else single[index]
        if 0.8 < chance < 0.9:
            example = single.without(index, OTHERS)
        colour = rng.uniform(0, 255, 3) if rng.random() < 0.5 else None
        images.append(keep_only(example, DEFINING, colour) if chance >= 0.9 else example.image)
        labels.append(_label(example))
        maps.append(_map(example))
    return Lesson(np.stack(images), np.stack(labels), np.stack(maps))


def _label(example: Example) -> np.ndarray:
    label = np.zeros(len(CLASSES), np.float32)
    shares = (1.0,) if len(example.instances) == 1 else (LARGER, 1 - LARGER)
    for instance, share in zip(example.instances, shares, strict=True):
        label[instance.label] = share
    return label


def _map(example: Example) -> np.ndarray:
    """The kind of part at the middle of each cell, 0 where there is none."""
    side = example.image.shape[0] // CELL
    kinds = np.zeros((side, side), np.int64)
    names = [*HEADS, *TAILS]
    for instance in example.instances:
        shapes = dict(zip(DEFINING, list(CLASSES.values())[instance.label], strict=True))
        for part in instance.parts:
            if part.name in shapes and part.mask is not None:
                found = part.mask[CELL // 2 :: CELL, CELL // 2 :: CELL]
                kinds[found] = 1 + names.index(shapes[part.name])
    return kinds
