"""What the networks are trained on: drawn images with soft labels and maps of their parts."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from creatures.masking import keep_only
from interp.dataset import Example
from interp_creatures.config import CONFIG
from interp_creatures.dataset import Creatures
from interp_creatures.shape import HEADS, TAILS
from interp_creatures.species import CLASSES, DEFINING, OTHERS

TRAINING_SEED = 1_000_000
CELL = 8  # pixels of one cell of the part map: a 14 x 14 grid
KINDS = 1 + len(HEADS) + len(TAILS)  # nothing, a head shape, a tail shape
LARGER = 0.65  # share of the label that the larger of two creatures gets


@dataclass(frozen=True)
class Schedule:
    """How many images are drawn, how often each is used, and how soon they are hard."""

    rounds: int = 16
    fresh: int = 4096  # images drawn per round, a multiple of the batch
    reuse: int = 3  # rounds for which an image stays in use
    ramp: float = 0.45  # share of the rounds until full difficulty

    @property
    def count(self) -> int:
        """Images used in all rounds, repetitions included."""
        return self.fresh * sum(min(n + 1, self.reuse) for n in range(self.rounds))


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The images of one round with what is learned about them."""

    images: np.ndarray  # (N, H, W, 3) uint8
    labels: np.ndarray  # (N, K) float32, rows sum to 1
    maps: np.ndarray  # (N, h, w) int64, which kind of part lies in each cell


def training_rounds(schedule: Schedule, seed: int, done: int = 0) -> Iterator[TrainingData]:
    """The data of each round after `done`; the next is drawn in another process meanwhile."""
    recent: deque[TrainingData] = deque(maxlen=schedule.reuse)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, _use_one_thread) as pool:
        first = max(0, done + 1 - schedule.reuse)
        drawn = pool.submit(draw_round, schedule, seed, first)
        for number in range(first + 1, schedule.rounds + 1):
            recent.append(drawn.result())
            if number < schedule.rounds:
                drawn = pool.submit(draw_round, schedule, seed, number)
            if number <= done:
                continue
            yield TrainingData(
                *(
                    np.concatenate([getattr(each, name) for each in recent])
                    for name in ("images", "labels", "maps")
                )
            )


def draw_round(schedule: Schedule, seed: int, number: int) -> TrainingData:
    """New images of one round, as hard as the schedule has it by then.

    Three quarters show one creature, a quarter two; of 16 % nothing is drawn but head and tail.
    """
    seed, count = TRAINING_SEED + 1000 * seed + number, schedule.fresh
    config = CONFIG.eased(min(1.0, number / (schedule.ramp * schedule.rounds)))
    single, double = (Creatures(count, seed, two, config) for two in (False, True))
    rng = np.random.default_rng([seed, count])
    images, labels, maps = [], [], []
    for index, chance in enumerate(rng.random(count)):
        example = double[index] if chance < 0.25 else single[index]
        if 0.84 < chance < 0.92:
            example = single.without(index, OTHERS)
        colour = rng.uniform(0, 255, 3) if rng.random() < 0.5 else None
        images.append(keep_only(example, DEFINING, colour) if chance >= 0.92 else example.image)
        labels.append(_label(example))
        maps.append(_map(example))
    return TrainingData(np.stack(images), np.stack(labels), np.stack(maps))


def _use_one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


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
