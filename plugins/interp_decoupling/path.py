"""Calculation paths: the codes of all layers for each image, and how alike they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from interp.evaluation.similarity import class_means


@dataclass(frozen=True, eq=False)
class Paths:
    """Codes (N, F) bool of images with labels (N,): every layer's `filters` side by side."""

    codes: np.ndarray
    labels: np.ndarray
    filters: dict[str, int]

    def layers(self) -> dict[str, np.ndarray]:
        """Each layer's codes (N, n)."""
        return split(self.codes, self.filters)

    def shares(self, classes: int) -> np.ndarray:
        """Share (C, F) of a class's images for which a filter is on; 0 for a class without any."""
        return class_means(self.codes, self.labels, classes)

    @cached_property
    def distances(self) -> np.ndarray:
        """Share of filters that differ between two images, (N, N)."""
        return hamming(self.codes, self.codes)

    def within(self) -> tuple[float, float]:
        """Mean distance of two images of one class, and of two classes; NaN without such a pair."""
        return within(self.distances, self.labels)

    def effect(self) -> float:
        """Cohen's d of distances between classes against those within classes.

        NaN where there are fewer than two pairs of either kind, or all distances are equal.
        """
        inside, between = _pairs(self.distances, self.labels)
        counts = np.array([len(inside), len(between)]) - 1
        if (counts < 1).any():
            return float("nan")
        spread = np.sqrt(counts @ [inside.var(ddof=1), between.var(ddof=1)] / counts.sum())
        return float((between.mean() - inside.mean()) / spread) if spread else float("nan")


def split(values: np.ndarray, filters: dict[str, int]) -> dict[str, np.ndarray]:
    """Values (..., F) layer by layer, each (..., n)."""
    ends = np.cumsum(list(filters.values()))
    return dict(zip(filters, np.split(values, ends[:-1], -1), strict=True)) if filters else {}


def hamming(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Share of filters that differ, (N, M), of codes (N, F) and (M, F)."""
    one, other = first.astype(np.float32), second.astype(np.float32)
    count = one.sum(1)[:, None] + other.sum(1) - 2 * one @ other.T
    return np.asarray(count / first.shape[1])


def within(distances: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean of distances (N, N) within classes and between them; NaN where there is no pair."""
    inside, between = (
        float(each.mean()) if len(each) else float("nan") for each in _pairs(distances, labels)
    )
    return inside, between


def _pairs(distances: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances of different images of one class, and of images of two classes."""
    same = labels[:, None] == labels
    return distances[same & ~np.eye(len(labels), dtype=bool)], distances[~same]


def diversity(codes: np.ndarray) -> float:
    """mean over images of |z - mean z|_1 / n, for z (N, n): 0 where all images share one path."""
    values = codes.astype(np.float32)
    return float(np.abs(values - values.mean(0)).mean())


def distinct(codes: np.ndarray) -> float:
    """Distinct codes over images, for codes (N, n)."""
    return len(np.unique(codes, axis=0)) / len(codes)
