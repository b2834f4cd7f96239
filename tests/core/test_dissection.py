"""Thresholds of filters against a slow second writing."""

from __future__ import annotations

import numpy as np
import pytest

from interp.evaluation.dissection import thresholds


@pytest.mark.parametrize("top", [0.3, 0.005])
def test_a_threshold_is_exceeded_by_the_share_asked_for(top: float) -> None:
    maps = np.random.default_rng(0).random((50, 3, 8, 8))
    limits = thresholds(maps, top)
    for k in range(3):
        exceeding = [value for value in maps[:, k].ravel().tolist() if value > limits[k]]
        assert len(exceeding) == round(top * 50 * 64)


def test_half_precision_is_as_exact_as_single() -> None:
    maps = np.random.default_rng(0).random((50, 3, 8, 8)).astype(np.float16)
    np.testing.assert_array_equal(thresholds(maps, 0.1), thresholds(maps.astype(np.float32), 0.1))
