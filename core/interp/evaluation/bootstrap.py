"""Means over images with 95 % confidence intervals.

By the percentile bootstrap; for shares of images, whose bootstrap says [1, 1] of four hits in four,
by Wilson's score.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import InputError
from interp.metric import Measurement, ModelMetric
from interp.model import ModelAdapter

Statistic = Callable[[np.ndarray], np.ndarray]
"""Column means (R, M) -> one number for each row, (R,)."""
RESAMPLES = 10_000
COUNTED = ("images", "maps", "filters")
"""How units of shares of things that are counted end, as in "share of images"."""
NORMAL = 1.959964
"""The normal distribution's 97.5th percentile."""
DRAWN_AT_ONCE = 1 << 22
"""The most indices that are drawn together; bounds the memory."""


def first_column(means: np.ndarray) -> np.ndarray:
    """The mean of the first column, (R,)."""
    return means[:, 0]


def estimate(
    values: np.ndarray,
    generator: np.random.Generator,
    unit: str = "share of images",
    higher_is_better: bool = True,
    statistic: Statistic = first_column,
    resamples: int = RESAMPLES,
) -> Measurement:
    """A statistic of the means of values (N,) or (N, M) over N images, with its interval.

    The mean of a single image has none; that of a share, of values 0 or 1, is Wilson's.
    """
    if not len(values):
        raise InputError("found no images; expected at least one to take a mean of")
    values = values.reshape(len(values), -1).astype(float)
    count = len(values)
    if statistic is first_column and _are_hits(values[:, 0], unit):
        share = float(values[:, 0].mean())
        return Measurement(share, unit, higher_is_better, *wilson(share, count), count)
    if count == 1:
        found = float(statistic(values)[0])
        return Measurement(found, unit, higher_is_better, count=1)
    drawn = statistic(resampled_means(values, generator, resamples))
    found = float(statistic(values.mean(0, keepdims=True))[0])
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Measurement(found, unit, higher_is_better, float(low), float(high), count)


@dataclass(frozen=True)
class SampleMetric(ModelMetric):
    """A mean over images or filters, with a confidence interval over these."""

    unit: ClassVar[str] = "share of images"
    higher_is_better: ClassVar[bool] = True

    @abstractmethod
    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """The number of each image or filter, (N,)."""

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """The mean of `values`."""
        values = self.values(model, dataset, context)
        generator = np.random.default_rng(context.seed)
        return estimate(values, generator, self.unit, self.higher_is_better)


def compare(
    first: np.ndarray,
    second: np.ndarray,
    generator: np.random.Generator,
    unit: str = "share of images",
    higher_is_better: bool = True,
    statistic: Statistic = first_column,
    resamples: int = RESAMPLES,
) -> Measurement:
    """The difference first - second of values on the same images, which are resampled together."""
    if len(first) != len(second):
        raise InputError(f"found {len(first)} and {len(second)} images; expected the same ones")
    if statistic is first_column and _are_hits(np.stack([first, second]), unit):
        found = float(first.mean() - second.mean())
        interval = paired_shares(first, second)
        return Measurement(found, unit, higher_is_better, *interval, len(first))
    both = np.hstack([each.reshape(len(each), -1) for each in (first, second)])

    def difference(means: np.ndarray) -> np.ndarray:
        one, other = np.hsplit(means, 2)
        return statistic(one) - statistic(other)

    return estimate(both, generator, unit, higher_is_better, difference, resamples)


def _are_hits(values: np.ndarray, unit: str) -> bool:
    """Whether values are hits and misses, of which the mean is a share."""
    counted = unit.startswith("share of") and unit.endswith(COUNTED)
    return counted and set(np.unique(values)) <= {0.0, 1.0}


def wilson(share: float, count: int) -> tuple[float, float]:
    """95 % interval of a share of `count` images. E. B. Wilson, JASA 22, 1927, p. 209."""
    z2 = NORMAL**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def paired_shares(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """95 % interval of the difference of two shares of the same images, whose values are 0 or 1.

    Method 10 of R. G. Newcombe, Statistics in Medicine 17, 1998, p. 2635: Wilson's intervals of
    both, joined by the correlation of their values.
    """
    one, other = float(first.mean()), float(second.mean())
    spread = math.sqrt(one * (1 - one) * other * (1 - other))
    correlation = 0.0 if spread == 0 else float((first * second).mean() - one * other) / spread
    (low, high), (least, most) = (wilson(each, len(first)) for each in (one, other))

    def reach(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a - 2 * correlation * a * b + b * b))

    return one - other - reach(one - low, most - other), one - other + reach(
        high - one, other - least
    )


def resampled_means(
    values: np.ndarray, generator: np.random.Generator, resamples: int
) -> np.ndarray:
    """Column means of R bootstrap samples of the rows of values (N, M), (R, M)."""
    count = len(values)
    step = max(1, DRAWN_AT_ONCE // count)
    means = []
    for start in range(0, resamples, step):
        here = min(step, resamples - start)
        drawn = generator.integers(count, size=(here, count)) + count * np.arange(here)[:, None]
        times = np.bincount(drawn.ravel(), minlength=here * count).reshape(here, count)
        means.append(times.astype(float) @ values / count)
    return np.concatenate(means)
