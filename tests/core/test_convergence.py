"""When a sampled answer has settled: reliability is the correlation of two runs."""

import numpy as np
import pytest
from scipy.stats import t as student

from interp.context import Budget
from interp.engine.convergence import (
    ALIKE,
    MOST,
    SETTLED,
    TOP,
    ranking,
    reliability,
    rounds,
    trust,
    unsettled,
)


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


def test_ranking_against_a_slow_second_writing() -> None:
    random = np.random.default_rng(0)
    for parts, buckets in ((4, 5), (9, 10)):
        values, errors = random.normal(size=parts), random.uniform(0.05, 0.3, parts)
        order = sorted(range(parts), key=lambda at: -values[at])
        doubt = sum(
            student.cdf(
                0,
                buckets - 1,
                loc=values[one] - values[other] + ALIKE * abs(values).max(),
                scale=(errors[one] ** 2 + errors[other] ** 2) ** 0.5,
            )
            for one in order[:TOP]
            for other in order[TOP:]
        )
        assert ranking(values, errors, buckets) == pytest.approx(max(0, 1 - doubt))


@pytest.mark.parametrize("buckets", [5, 10])
@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3, 1.0])
def test_the_largest_parts_are_right_as_often_as_ranking_says(noise: float, buckets: int) -> None:
    """Of answers that count as ranked, at most one in twenty has a part that is not."""
    random, right = np.random.default_rng(1), list[bool]()
    for _ in range(2000):
        truth = random.exponential(size=20)
        draws = truth + noise * buckets**0.5 * random.normal(size=(buckets, 20))
        seen, errors = draws.mean(0), draws.std(0, ddof=1) / buckets**0.5
        if ranking(seen, errors, buckets) >= SETTLED:
            chosen, rest = np.split(np.argsort(-seen), [TOP])
            best = truth[rest].max() - truth[chosen].min()
            right.append(best <= ALIKE * np.abs(seen).max())
    assert len(right) < 20 or np.mean(right) >= SETTLED
    assert noise > 0.02 or len(right) > 100


def test_ranking_at_its_ends() -> None:
    assert ranking(np.array([5.0, 4, 3, 1]), np.zeros(4), 5) == 1
    assert ranking(np.arange(3.0), np.full(3, 9.0), 5) == 1, "there is no other part"
    assert ranking(np.arange(9.0), np.full(9, 100.0), 5) == 0
    alike = ranking(np.array([5.0, 5, 5, 5, 0]), np.full(5, 0.001), 10)
    assert alike == pytest.approx(1), "alike parts need no order"


def test_what_is_asked_is_measured() -> None:
    values, errors = np.array([9.0, 8, 7, 1, 1.1, 1.2]), np.full(6, 0.6)
    assert trust(Budget(until="ranked"), values, errors, 5) == (
        ranking(values, errors, 5),
        "certainty of the 3 largest parts",
    )
    assert trust(Budget(until="stable"), values, errors, 5)[0] == reliability(values, errors)
    assert trust(Budget(until="ranked"), values, None, 5)[0] is None
    assert "(largest 0.50, wanted 0.95)" in unsettled("dog", 0.5, 100, "largest")[0]
