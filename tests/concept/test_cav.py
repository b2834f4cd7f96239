"""Directions against slow second writings, and p-values that are uniform where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from interp_concept.cav import Cav, directions


def population(random: np.random.Generator, count: int, channels: int = 6) -> np.ndarray:
    """Activations of any images: correlated, skewed, of unequal size."""
    mixing = np.random.default_rng(99).normal(size=(channels, channels))
    return np.exp(random.normal(size=(count, channels)) @ mixing * 0.4)


def cav(inside: np.ndarray, outside: np.ndarray, **changes: int) -> Cav:
    given = {"splits": 10, "permutations": 199, "seed": 0, **changes}
    return Cav(inside, outside, 0.1, **given)


@pytest.mark.parametrize(("rows", "channels"), [(12, 5), (8, 20), (10, 10)])
@pytest.mark.parametrize("ridge", [1e-3, 0.1, 10.0])
def test_directions_are_those_of_ridge_regression(rows: int, channels: int, ridge: float) -> None:
    """Against scikit-learn's, one labeling at a time."""
    from sklearn.linear_model import Ridge

    random = np.random.default_rng(0)
    values, labels = random.normal(size=(rows, channels)), random.integers(0, 2, (rows, 3))
    labels[:2] = [[0, 0, 0], [1, 1, 1]]
    found = directions(values, labels.astype(float), ridge)
    centred = values - values.mean(0)
    weight = ridge * np.mean([each @ each for each in centred])
    for column, direction in zip(labels.T, found, strict=True):
        expected = Ridge(weight, solver="svd").fit(values, column).coef_
        expected /= np.linalg.norm(expected)
        step = values[column == 1].mean(0) @ expected - values[column == 0].mean(0) @ expected
        np.testing.assert_allclose(direction, expected * step, atol=1e-8)


def test_a_planted_direction_is_found_and_held_out_images_are_told_apart() -> None:
    random = np.random.default_rng(1)
    outside = random.normal(size=(60, 30))
    inside = random.normal(size=(60, 30))
    inside[:, 7] += 4
    found = cav(inside, outside)
    assert found.direction[7] / np.linalg.norm(found.direction) > 0.8
    assert 2.5 < found.direction[7] < 4.5
    assert found.halves.directions.shape == (10, 30)
    assert found.halves.accuracy.mean() > 0.9
    assert found.project(inside.T).mean() == pytest.approx(0.5)
    assert found.project(outside.T).mean() == pytest.approx(-0.5)


def test_random_images_are_not_told_apart() -> None:
    random = np.random.default_rng(2)
    found = cav(population(random, 200), population(random, 200))
    assert abs(found.halves.accuracy.mean() - 0.5) < 0.1


def p_values(statistic: str, repeats: int, seed: int) -> np.ndarray:
    """p of random concepts: images drawn as the counter-examples are; slopes of 12 class images."""
    random = np.random.default_rng(seed)
    slopes = random.normal(size=(12, 6)) + np.array([1.0, -0.5, 0, 0, 2, 0])
    found = []
    for at in range(repeats):
        drawn = population(random, 24)
        one = cav(drawn[:8], drawn[8:], seed=at)
        along, chance = slopes @ one.direction, slopes @ one.chance.T
        if statistic == "score":
            values = (along > 0).mean() - 0.5, (chance > 0).mean(0) - 0.5
        else:
            values = along.mean(), chance.mean(0)
        found.append(one.p_value(*values))
    return np.array(found)


def test_p_values_are_uniform_for_random_concepts() -> None:
    from scipy.stats import kstest

    found = p_values("derivative", 600, 0)
    assert kstest(found, "uniform").pvalue > 0.05
    for level in (0.01, 0.05, 0.1, 0.5):
        assert abs((found <= level).mean() - level) < 3 * np.sqrt(level * (1 - level) / 600)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_p_values_are_uniform_over_many_repeats(seed: int) -> None:
    from scipy.stats import kstest

    assert kstest(p_values("derivative", 4000, seed), "uniform").pvalue > 0.01


def test_p_values_of_the_score_are_never_too_small() -> None:
    """It takes few values, so that p may only be too large."""
    found = p_values("score", 600, 3)
    for level in (0.05, 0.1, 0.2, 0.5):
        assert (found <= level).mean() < level + 3 * np.sqrt(level * (1 - level) / 600)


def test_a_t_test_over_runs_would_not_be_uniform() -> None:
    """Runs share the concept's images: most random concepts come out significant."""
    from scipy.stats import ttest_ind

    random = np.random.default_rng(4)
    slopes = random.normal(size=(12, 6)) + np.array([1.0, -0.5, 0, 0, 2, 0])
    small = 0
    for at in range(100):
        drawn = population(random, 60)
        one, other = cav(drawn[:20], drawn[20:], seed=at), cav(drawn[20:40], drawn[40:], seed=at)
        runs = [(slopes @ each.halves.directions.T > 0).mean(0) for each in (one, other)]
        small += bool(ttest_ind(*runs).pvalue < 0.05)
    assert small > 30


def test_a_concept_that_matters_has_a_small_p() -> None:
    random = np.random.default_rng(5)
    outside, inside = population(random, 30), population(random, 30)
    inside[:, 2] += 3
    found = cav(inside, outside, permutations=999)
    slopes = np.zeros(6)
    slopes[2] = 1.0
    assert found.p_value(float(slopes @ found.direction), found.chance @ slopes) == 1 / 1000
