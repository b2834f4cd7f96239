"""Ours and Quantus' metrics of the same name: equal where they are defined alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

SEEDS = range(4)


@pytest.mark.parametrize("seed", SEEDS)
def test_pointing_is_the_same_where_one_pixel_is_highest(
    made: Callable, case: Callable, a_map: Callable, seed: int
) -> None:
    values = a_map(seed)
    if seed % 2:
        values[8, 20] = 9  # on the object
    at = case(values)
    assert made("quantus-pointing-game").measure(at) == made("pointing").measure(at) == seed % 2


def test_of_equal_maxima_ours_counts_the_share_and_quantus_any(
    made: Callable, case: Callable, a_map: Callable
) -> None:
    values = a_map(0)
    values[8, 20] = values[0, 0] = values[1, 1] = 9
    at = case(values)
    assert made("quantus-pointing-game").measure(at) == 1
    assert made("pointing").measure(at) == pytest.approx(1 / 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_relevance_mass_is_our_energy(
    made: Callable, case: Callable, a_map: Callable, seed: int
) -> None:
    at = case(a_map(seed))
    ours = made("energy-mask").measure(at)
    assert made("quantus-relevance-mass-accuracy").measure(at) == pytest.approx(ours, abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_attribution_localisation_counts_both_signs(
    made: Callable, case: Callable, a_map: Callable, truth: np.ndarray, seed: int
) -> None:
    values = a_map(seed)
    found = made("quantus-attribution-localisation").measure(case(values))
    assert found == pytest.approx(np.abs(values)[truth].sum() / np.abs(values).sum(), abs=1e-6)
    positive = case(np.abs(values))
    ours = made("energy-mask").measure(positive)
    measured = made("quantus-attribution-localisation").measure(positive)
    assert measured == pytest.approx(ours, abs=1e-6)


@pytest.mark.parametrize("fill", ["mean", "black", "grey"])
@pytest.mark.parametrize("steps", [2, 8, 32])
@pytest.mark.parametrize("seed", SEEDS)
def test_pixel_flipping_is_our_deletion_less_the_unchanged_image(
    made: Callable, case: Callable, a_map: Callable, seed: int, steps: int, fill: str
) -> None:
    """Ours is (y0 / 2 + y1 + .. + yn / 2) / n; Quantus begins at y1, and has n - 1 steps."""
    at = case(a_map(seed), seed=seed)
    ours = made("deletion", steps=steps, fill=fill)
    whole, empty, *between = ours.scores(at, deleted=True)
    theirs = made("quantus-pixel-flipping", steps=steps, fill=fill)
    np.testing.assert_allclose(theirs.curve(at), [*between, empty], atol=1e-5)
    first = between[0] if between else empty
    joined = (theirs.measure(at) * (steps - 1) + (whole + first) / 2) / steps
    assert joined == pytest.approx(ours.measure(at), abs=1e-5)
    np.testing.assert_allclose(theirs.curve(at)[-1], empty, atol=1e-5)
