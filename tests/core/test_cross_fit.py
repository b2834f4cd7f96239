"""A threshold that is chosen on other images, against a slow second writing and the benchmark's."""

from __future__ import annotations

import numpy as np
import pytest
from localization import best_share

from interp.evaluation.cross_fit import cross_fitted
from interp_standard.thresholds import SHARES, sweep


def slow(curves: dict[int, list[float]]) -> dict[int, float]:
    """Image by image: the other half's best setting, the middle one of equally good ones."""
    found = {}
    for at, values in curves.items():
        others = [curve for place, curve in curves.items() if place % 2 != at % 2]
        sums = [sum(curve[s] for curve in others) for s in range(len(values))]
        best = [s for s, each in enumerate(sums) if each == max(sums)]
        found[at] = values[best[len(best) // 2]]
    return found


@pytest.mark.parametrize("seed", range(5))
def test_each_half_takes_the_other_s_setting(seed: int) -> None:
    random = np.random.default_rng(seed)
    places = random.choice(30, 12, replace=False).tolist()
    curves = {at: random.integers(0, 2, 9).astype(float).tolist() for at in places}
    assert cross_fitted(curves) == slow(curves)
    costs = {at: [-each for each in values] for at, values in curves.items()}
    assert cross_fitted(costs, higher=False) == {at: -each for at, each in slow(curves).items()}


def test_one_half_alone_has_no_setting() -> None:
    assert cross_fitted({0: [1.0, 0.0], 2: [1.0, 1.0]}) == {} == cross_fitted({})


@pytest.mark.parametrize("seed", range(3))
def test_the_same_numbers_as_the_benchmark_of_localization(seed: int) -> None:
    """Its road: one half tunes the share, the other half's boxes are then judged at it."""
    random = np.random.default_rng(seed)
    maps = [random.random((12, 12)).cumsum(0).cumsum(1) * random.random((12, 12)) for _ in range(9)]
    boxes = [[(3.0, 3.0, 12.0, 12.0)] for _ in maps]
    swept = np.array([sweep(*each)[0] for each in zip(maps, boxes, strict=True)])
    expected = {}
    for half in (0, 1):
        share = best_share(swept[1 - half :: 2], 0.5)
        for at in range(half, 9, 2):
            expected[at] = float(swept[at, SHARES.tolist().index(share)] >= 0.5)
    curves = {at: (row >= 0.5).astype(float).tolist() for at, row in enumerate(swept)}
    assert cross_fitted(curves) == expected
