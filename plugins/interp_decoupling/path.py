"""Calculation paths: the codes of all layers, image by image, and how alike they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


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
        """f (C, F): the share of a class's images for which a filter is on; 0 without images."""
        found = np.zeros((classes, self.codes.shape[1]))
        for label in np.unique(self.labels):
            found[label] = self.codes[self.labels == label].mean(0)
        return found

    @cached_property
    def distances(self) -> np.ndarray:
        """Share of filters that differ between two images, (N, N)."""
        return hamming(self.codes, self.codes)

    def within(self) -> tuple[float, float]:
        """Mean distance of two images of one class, and of two classes; nan without such a pair."""
        return within(self.distances, self.labels)

    def effect(self) -> float:
        """Cohen's d: how much further two classes' images are apart than one's, in units of the
        pooled standard deviation of distances; nan without such pairs, or where all are equal.
        """
        same = self.labels[:, None] == self.labels
        pairs = ~np.eye(len(self.labels), dtype=bool)
        inside, between = self.distances[same & pairs], self.distances[~same]
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
    found: np.ndarray = count / first.shape[1]
    return found


def within(distances: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean of distances (N, N) within classes and between them, over pairs of different images."""
    same = labels[:, None] == labels
    pairs = ~np.eye(len(labels), dtype=bool)
    means = [
        float(distances[chosen].mean()) if chosen.any() else float("nan")
        for chosen in (same & pairs, ~same)
    ]
    return means[0], means[1]


def diversity(codes: np.ndarray) -> float:
    """mean over images of |z - mean z|_1 / n, for z (N, n): 0 where all images share one path."""
    values = codes.astype(np.float32)
    return float(np.abs(values - values.mean(0)).mean())


def distinct(codes: np.ndarray) -> float:
    """Distinct codes over images, for codes (N, n)."""
    return len(np.unique(codes, axis=0)) / len(codes)


def alike(shares: np.ndarray) -> np.ndarray:
    """Cosines (C, C) between classes' shares (C, F); 0 for a class of which nothing is on."""
    length = np.linalg.norm(shares, axis=1, keepdims=True)
    unit = shares / np.where(length > 0, length, 1)
    found: np.ndarray = unit @ unit.T
    return found
