"""Means over images with 95 % confidence intervals, by the percentile bootstrap."""

from __future__ import annotations

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
    """A statistic of the means of values (N,) or (N, M) over N images, with its interval."""
    if not len(values):
        raise InputError("found no images; expected at least one to take a mean of")
    values = values.reshape(len(values), -1).astype(float)
    drawn = statistic(resampled_means(values, generator, resamples))
    found = float(statistic(values.mean(0, keepdims=True))[0])
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Measurement(found, unit, higher_is_better, float(low), float(high), len(values))


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
    both = np.hstack([each.reshape(len(each), -1) for each in (first, second)])

    def difference(means: np.ndarray) -> np.ndarray:
        one, other = np.hsplit(means, 2)
        return statistic(one) - statistic(other)

    return estimate(both, generator, unit, higher_is_better, difference, resamples)


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
