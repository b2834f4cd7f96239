"""Pooled features of the two scales, and the linear maps from raw states to representations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interp_mint.partition import Partition


@dataclass(frozen=True, eq=False)
class Features:
    """A partition with the pooled features a_c (p,) and a_f (q,) of its two scales."""

    partition: Partition
    coarse: np.ndarray
    fine: np.ndarray

    @classmethod
    def pool(
        cls, partition: Partition, deep: np.ndarray, shallow: np.ndarray, norm: bool
    ) -> Features:
        """Means over the regions of the channel sums (h, w) of each layer (Eqs. 4, 6).

        With `norm` (ours) a layer's features are divided by their mean size, so that the two
        scales' weights, which the constraint ties, are in one unit.
        """
        coarse, fine = mean_of(deep, partition.coarse), mean_of(shallow, partition.fine)
        if norm:
            coarse /= np.abs(deep).mean() or 1.0
            fine /= np.abs(shallow).mean() or 1.0
        return cls(partition, coarse, fine)

    def tied(self, coupling: str) -> np.ndarray:
        """The matrix T (q, p) of the constraint w_f T = w_c.

        For importances T(i, j) = a_f(i) / a_c(j) where piece i lies in region j, so that the sum of
        w_f a_f is w_c a_c; a region without feature has no importance and keeps the weights' rule.
        """
        tree = self.partition.tree
        if coupling != "importances":
            return tree
        here = self.coarse != 0
        return np.where(here, tree * self.fine[:, None] / np.where(here, self.coarse, 1), tree)

    def coarse_map(self) -> np.ndarray:
        """[1 s] to z_c = (share of the fine pieces present) a_c (Eq. 3), (q + 1, p)."""
        tree = self.partition.tree
        return np.vstack([np.zeros(tree.shape[1]), tree / tree.sum(0) * self.coarse])

    def fine_map(self) -> np.ndarray:
        """[1 s] to z_f = s a_f (Eq. 5), (q + 1, q)."""
        return np.vstack([np.zeros_like(self.fine), np.diag(self.fine)])


def mean_of(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of values (h, w) in each region of labels (h, w), (P,)."""
    total = np.bincount(labels.ravel(), values.ravel().astype(np.float64))
    return total / np.bincount(labels.ravel())
