"""Two scores of the same images side by side: every metric, for all images and by object size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from interp.errors import InputError
from interp.evaluation.bootstrap import RESAMPLES, Statistic, compare, estimate, first_column
from interp.metric import Measurement
from interp_standard.localize.score import Score

ACCEPT = 0.5
"""IoU from which a box is right."""
ACCEPT_V2 = np.array([0.3, 0.5, 0.7])
SMALL = 0.3
"""An object is small below this share of the image."""


@dataclass(frozen=True)
class Row:
    """One metric on one group of images: a method, another one, and the first minus the second."""

    metric: str
    group: str
    value: Measurement
    other: Measurement
    difference: Measurement


@dataclass(frozen=True)
class Metric:
    """What is averaged over images: columns (N, M) of a score, and the number their means give."""

    name: str
    columns: Callable[[Score], np.ndarray]
    higher_is_better: bool = True
    statistic: Statistic = first_column
    unit: str = "share of images"

    def row(
        self,
        group: str,
        first: Score,
        second: Score,
        generator: np.random.Generator,
        resamples: int,
    ) -> Row:
        """The metric of both scores and of their difference, each with its interval."""
        one, other = self.columns(first), self.columns(second)
        how = (generator, self.unit, self.higher_is_better, self.statistic, resamples)
        difference = compare(one, other, *how)
        return Row(self.name, group, estimate(one, *how), estimate(other, *how), difference)


def rows(
    first: Score, second: Score, generator: np.random.Generator, resamples: int = RESAMPLES
) -> list[Row]:
    """Every metric on all, small and large objects; groups without images are left out.

    Top-1 and top-5 error are there where every image's rank of the right class is known.
    """
    if not np.array_equal(first.size, second.size):
        raise InputError("found scores of different images; expected the same ones in one order")
    small = first.size < SMALL
    groups = {"all": np.ones_like(small), "small": small, "large": ~small}
    ranked = not np.isnan(first.rank).any()
    return [
        metric.row(group, first.pick(chosen), second.pick(chosen), generator, resamples)
        for metric in (RANKED + METRICS if ranked else METRICS)
        for group, chosen in groups.items()
        if chosen.any()
    ]


def _error(score: Score, answers: float) -> np.ndarray:
    """1 where the box is wrong or the right class is not among the first answers, (N,)."""
    return 1.0 - ((score.iou >= ACCEPT) & (score.rank < answers))


def _right_at_each(score: Score) -> np.ndarray:
    """Whether the best box is right, for every IoU and share, (N, 3 S)."""
    return (score.best[:, None] >= ACCEPT_V2[:, None]).reshape(len(score.best), -1)


def _best_of_each(means: np.ndarray) -> np.ndarray:
    """Accuracy (R, 3 S) at each IoU's best share, averaged over the IoUs, (R,)."""
    best: np.ndarray = means.reshape(len(means), len(ACCEPT_V2), -1).max(2).mean(1)
    return best


RANKED = (
    Metric("top-1 error", lambda score: _error(score, 1), higher_is_better=False),
    Metric("top-5 error", lambda score: _error(score, 5), higher_is_better=False),
)
METRICS = (
    Metric("known-class error", lambda score: 1.0 - (score.iou >= ACCEPT), higher_is_better=False),
    Metric("MaxBoxAccV2", _right_at_each, statistic=_best_of_each),
    Metric("pointing", lambda score: score.pointing),
    Metric("energy", lambda score: score.energy, unit="share of the map"),
)
