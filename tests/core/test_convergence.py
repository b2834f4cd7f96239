"""When a sampled answer has settled: reliability is the correlation of two runs."""

import numpy as np
import pytest

from interp.context import Budget
from interp.engine.convergence import MOST, SETTLED, reliability, rounds, unsettled


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0, 2.0])
def test_reliability_is_the_correlation_of_two_runs(noise: float) -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=20_000)
    one, other = (truth + noise * random.normal(size=truth.shape) for _ in range(2))
    found = reliability(one, np.full(one.shape, noise))
    assert found == pytest.approx(np.corrcoef(one, other)[0, 1], abs=0.02)


def test_reliability_of_nothing_is_none() -> None:
    assert reliability(np.zeros(5), np.zeros(5)) == 0
    assert reliability(np.arange(5.0), np.full(5, 100.0)) == 0
    assert reliability(np.arange(5.0), np.zeros(5)) == 1


def test_rounds_double_up_to_the_budget_or_a_multiple() -> None:
    assert rounds(1000, 3000, Budget(samples=3000)) == [1000, 2000, 3000]
    assert rounds(1000, 500, Budget(samples=500)) == [500]
    assert rounds(1000, 1000, Budget()) == [1000, 2000, 4000, 8000, 1000 * MOST]


def test_what_has_not_settled_is_told() -> None:
    assert unsettled("dog", SETTLED, 100) == unsettled("dog", None, 100) == []
    assert unsettled("dog", 0.5, 100) == [
        "dog: not settled after 100 samples (reliability 0.50, wanted 0.95); give more --budget"
    ]
