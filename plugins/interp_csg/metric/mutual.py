"""The mutual information score: how much a filter's mean activation tells about one class."""

from __future__ import annotations

import numpy as np

from interp.errors import InputError

NEIGHBOURS = 3
"""Of scikit-learn's estimator."""


def table(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """M (C, K) in nats: mutual information of a_k and 1[y = c].

    features (N, K) are the maps' means a_k. scikit-learn's estimator with 3 neighbours; 0 for a
    class without images here.
    """
    from sklearn.feature_selection import mutual_info_classif

    found = np.zeros((classes, features.shape[1]))
    if len(labels) <= NEIGHBOURS:
        raise InputError(
            f"found {len(labels)} images; expected more than {NEIGHBOURS}, the estimator's "
            "neighbours; give more"
        )
    for label in np.unique(labels):
        found[label] = mutual_info_classif(
            features,
            labels == label,
            discrete_features=False,
            n_neighbors=NEIGHBOURS,
            random_state=0,
        )
    return found


def score(information: np.ndarray) -> float:
    """MIS: the mean over filters of max over classes of M (C, K)."""
    return float(information.max(0).mean())
