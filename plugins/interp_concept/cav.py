"""Concept activation vectors: directions that tell a concept's activations from others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from interp.engine.random import content_key, draw_bits

LEARNED = 2 / 3
"""Share of the images that a split learns from; the rest is held out."""
TINY = 1e-30


def directions(values: np.ndarray, labels: np.ndarray, ridge: float) -> np.ndarray:
    """Directions (V, C) of least-squares classifiers of rows (N, C), for V labelings (N, V).

        w = argmin sum_n (y_n - w . x_n)^2 + lambda |w|^2,   x and y less their means,

    with lambda = ridge times the mean of |x_n|^2; the direction is w at the length of the step
    along it from the mean of the rows labelled 0 to that of the rows labelled 1. All labelings
    share one factorisation.
    """
    centred = values - values.mean(0)
    wanted = labels - labels.mean(0)
    weight = max(ridge * float(np.square(centred).sum(1).mean()), TINY)
    if len(values) <= values.shape[1]:
        gram = centred @ centred.T + weight * np.eye(len(values))
        found = centred.T @ np.linalg.solve(gram, wanted)
    else:
        gram = centred.T @ centred + weight * np.eye(values.shape[1])
        found = np.linalg.solve(gram, centred.T @ wanted)
    unit = found / np.maximum(np.linalg.norm(found, axis=0), TINY)  # (C, V)
    shares = labels / labels.sum(0) - (1 - labels) / (1 - labels).sum(0)
    step = (unit * (centred.T @ shares)).sum(0)
    return np.asarray((unit * step).T)


class Splits(NamedTuple):
    """Directions (S, C) by random parts of the images, and their accuracy on the rest (S,)."""

    directions: np.ndarray
    accuracy: np.ndarray


@dataclass(frozen=True, eq=False)
class Cav:
    """A concept's direction at a layer, learned from rows of activations.

    `inside` (P, C) are the concept's, `outside` (Q, C) are counter-examples.
    """

    inside: np.ndarray
    outside: np.ndarray
    ridge: float
    splits: int
    permutations: int
    seed: int

    @cached_property
    def direction(self) -> np.ndarray:
        """The step from counter-examples to the concept, by all images, (C,)."""
        return np.asarray(directions(self._values, self._labels[:, None], self.ridge)[0])

    def project(self, cells: np.ndarray) -> np.ndarray:
        """Where cells (C, ...) lie on the step: -1/2 at counter-examples, 1/2 at the concept."""
        step = self.direction / max(float(np.square(self.direction).sum()), TINY)
        means = [float((each @ step).mean()) for each in (self.inside, self.outside)]
        return np.tensordot(step, cells, 1) - sum(means) / 2

    @cached_property
    def halves(self) -> Splits:
        """Directions from random splits of the images, with held-out balanced accuracy."""
        found, right = [], []
        for number in range(self.splits):
            learned, held = zip(
                *(self._split(each, number) for each in (self.inside, self.outside)), strict=True
            )
            labels = np.repeat([1.0, 0.0], [len(each) for each in learned])[:, None]
            chosen = directions(np.concatenate(learned), labels, self.ridge)[0]
            middle = np.mean([(each @ chosen).mean() for each in learned])
            hits = (held[0] @ chosen > middle, held[1] @ chosen <= middle)
            found.append(chosen)
            right.append(np.mean([each.mean() for each in hits]))
        return Splits(np.stack(found), np.array(right))

    @cached_property
    def chance(self) -> np.ndarray:
        """Steps to random concepts, (M, C): the same images, randomly called the concept's."""
        count = len(self._labels)
        drawn = [draw_bits(self.seed, "labels", at, count) for at in range(self.permutations)]
        orders = np.argsort(np.stack(drawn, 1), axis=0, kind="stable")  # (N, M)
        return directions(self._values, self._labels[orders], self.ridge)

    def p_value(self, found: float, chance: np.ndarray) -> float:
        """The two-sided p-value of a statistic by those (M,) of random concepts.

        (1 + number of |chance| >= |found|) / (1 + M). Where the concept's images are drawn as the
        counter-examples are, every labeling is as likely as the true one, so that p is uniform.
        """
        extreme = np.abs(chance) >= abs(found) * (1 - 1e-12)
        return float((1 + extreme.sum()) / (1 + len(chance)))

    @cached_property
    def _values(self) -> np.ndarray:
        return np.concatenate([self.inside, self.outside]).astype(np.float64)

    @cached_property
    def _labels(self) -> np.ndarray:
        return np.repeat([1.0, 0.0], [len(self.inside), len(self.outside)])

    def _split(self, values: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows to learn from and rows held out, one or more each."""
        stream = f"split {content_key(len(values))}"
        order = np.argsort(draw_bits(self.seed, stream, number, len(values)), kind="stable")
        count = min(max(1, round(LEARNED * len(values))), len(values) - 1)
        return values[order[:count]].astype(np.float64), values[order[count:]].astype(np.float64)
