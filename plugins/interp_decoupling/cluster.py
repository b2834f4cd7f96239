"""Clusters of images with similar codes, compared with classes and concepts."""

from __future__ import annotations

import numpy as np


def cluster_codes(codes: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Clusters (N,) of codes (N, n) by k-means with `count` centres, or one per distinct code."""
    from sklearn.cluster import KMeans

    kinds, inverse = np.unique(codes, axis=0, return_inverse=True)
    if len(kinds) <= count:
        return inverse.reshape(-1)
    found = KMeans(count, n_init=4, random_state=seed).fit(codes.astype(np.float32))
    return np.asarray(found.labels_)


def purity(clusters: np.ndarray, labels: np.ndarray) -> float:
    """Share of images whose label is the most frequent one of their cluster; both (N,)."""
    return float(contingency(clusters, labels).max(1).sum() / len(labels))


def shared_information(clusters: np.ndarray, labels: np.ndarray) -> float:
    """Normalised mutual information: 0 for none, 1 for the same partition."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(labels, clusters))


def information(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """I(y; z_j) (n,) in nats, of codes (N, n): the plug-in estimate of two discrete variables."""
    on = np.stack([codes[labels == label].sum(0) for label in np.unique(labels)])  # (C, n)
    sizes = np.unique(labels, return_counts=True)[1][:, None]
    joint = np.stack([on, sizes - on]) / len(labels)  # (2, C, n)
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    ratio = np.divide(joint, apart, out=np.ones_like(joint), where=joint > 0)
    return np.asarray((joint * np.log(ratio)).sum((0, 1)))


def contingency(clusters: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many images (G, C) of each cluster have each label, both in sorted order."""
    from sklearn.metrics.cluster import contingency_matrix

    return np.asarray(contingency_matrix(clusters, labels))
