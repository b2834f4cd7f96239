"""Mutual information score: of a filter's mean activation and membership of one class."""

from __future__ import annotations

import numpy as np

from interp.errors import InputError

NEIGHBOURS = 3
"""Neighbours of the estimator, as in scikit-learn."""


def table(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """M (C, K) in nats: mutual information of a_k and 1[y = c].

    features (N, K) are the maps' means a_k. Ross's estimator (2014) with 3 neighbours, as
    scikit-learn's mutual_info_classif with random_state 0 has it, all columns at once; 0 for a
    class without images here.
    """
    found = np.zeros((classes, features.shape[1]))
    if len(labels) <= NEIGHBOURS:
        raise InputError(
            f"found {len(labels)} images; expected more than {NEIGHBOURS}, the estimator's "
            "neighbours; give more"
        )
    values = _untied(features)
    order = np.argsort(values, axis=0)
    values = np.take_along_axis(values, order, 0)
    for label in np.unique(labels):
        found[label] = _information(values, (labels == label)[order])
    return found


def score(information: np.ndarray) -> float:
    """MIS: the mean over filters of max over classes of M (C, K)."""
    return float(information.max(0).mean())


def _untied(features: np.ndarray) -> np.ndarray:
    """Columns scaled to unit spread, with tiny noise so that no two values are equal."""
    spread = features.std(0, dtype=float)
    values = features / np.where(spread > 10 * np.finfo(float).eps, spread, 1)
    noise = np.random.RandomState(0).standard_normal(values.shape)
    return np.asarray(values + 1e-10 * np.maximum(1, np.abs(values).mean(0)) * noise)


def _information(values: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Mutual information (K,) of sorted columns (N, K) and membership (N, K), each of one size.

    psi(N) + <psi(k)> - <psi(size of its side)> - <psi(values nearer than its k-th neighbour on
    its side)>, the last with itself; a side of one value is left out.
    """
    from scipy.special import digamma

    columns = values.shape[1]
    alone = [side for side in (member, ~member) if side[:, 0].sum() == 1]
    counted = values.T[~alone[0].T].reshape(columns, -1) if alone else values.T
    count, terms, near = 0, 0.0, np.zeros(columns)
    for side in (member, ~member):
        size = int(side[:, 0].sum())
        if size < 2:
            continue
        k = min(NEIGHBOURS, size - 1)
        points = values.T[side.T].reshape(columns, size).T
        radius = _reach(points, k) * (1 - 1e-15)  # below the neighbour's, rounding or not
        for column in range(columns):
            line, centre, far = counted[column], points[:, column], radius[:, column]
            inside = line.searchsorted(centre + far) - line.searchsorted(centre - far, "right")
            near[column] += digamma(inside).sum()
        count += size
        terms += size * (digamma(k) - digamma(size))
    return np.asarray(np.maximum(0, digamma(count) + (terms - near) / count))


def _reach(points: np.ndarray, k: int) -> np.ndarray:
    """The distance of each of sorted points (n, K) to its k-th neighbour."""
    size = len(points)
    found = np.full(points.shape, np.inf)
    for below in range(k + 1):  # as many of the k are smaller
        first, last = below, size - (k - below)
        centre = points[first:last]
        left, right = centre - points[: last - first], points[k : k + last - first] - centre
        found[first:last] = np.minimum(found[first:last], np.maximum(left, right))
    return found
