"""What the networks are trained on: batches of drawn images with soft labels and part maps."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from interp.dataset import Example
from interp_creatures.config import CONFIG
from interp_creatures.cover import keep_only
from interp_creatures.dataset import Creatures
from interp_creatures.shape import HEADS, TAILS
from interp_creatures.species import CLASSES, DEFINING, OTHERS

TRAINING_SEED = 1_000_000
CELL = 8  # pixels of one cell of the part map: a 14 x 14 grid
KINDS = 1 + len(HEADS) + len(TAILS)  # nothing, a head shape, a tail shape
LARGER = 0.65  # share of the label that the larger of two creatures gets


@dataclass(frozen=True)
class Course:
    """How much is drawn, how often it is seen, and how soon it is hard."""

    rounds: int = 16
    fresh: int = 4096  # images drawn per round, a multiple of the batch
    reuse: int = 3  # rounds for which an image stays in use
    ramp: float = 0.45  # share of the rounds until full difficulty

    @property
    def count(self) -> int:
        """Images seen in all rounds."""
        return self.fresh * sum(min(n + 1, self.reuse) for n in range(self.rounds))


@dataclass(frozen=True, eq=False)
class Lesson:
    images: np.ndarray  # (N, H, W, 3) uint8
    labels: np.ndarray  # (N, K) float32, rows sum to 1
    maps: np.ndarray  # (N, h, w) int64, which kind of part lies in each cell


def lessons(course: Course, seed: int) -> Iterator[Lesson]:
    """One lesson per round; the next is drawn in another process meanwhile."""
    kept: deque[Lesson] = deque(maxlen=course.reuse)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, _use_one_thread) as pool:
        drawn = pool.submit(draw_lesson, *_order(course, seed, 0))
        for number in range(course.rounds):
            kept.append(drawn.result())
            if number + 1 < course.rounds:
                drawn = pool.submit(draw_lesson, *_order(course, seed, number + 1))
            yield _joined(kept)


def draw_lesson(seed: int, count: int, difficulty: float) -> Lesson:
    """One creature or, in 25 %, two; in 16 % nothing is seen of it but head and tail."""
    config = CONFIG.eased(difficulty)
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
    return Lesson(np.stack(images), np.stack(labels), np.stack(maps))


def _order(course: Course, seed: int, number: int) -> tuple[int, int, float]:
    """Seed, count and difficulty of a round."""
    difficulty = min(1.0, number / (course.ramp * course.rounds))
    return TRAINING_SEED + 1000 * seed + number, course.fresh, difficulty


def _use_one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


def _joined(kept: Iterable[Lesson]) -> Lesson:
    columns = zip(*((one.images, one.labels, one.maps) for one in kept), strict=True)
    return Lesson(*(np.concatenate(column) for column in columns))


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
