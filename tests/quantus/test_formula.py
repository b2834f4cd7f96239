"""Each metric against a slow second writing, and what is known of it by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from skimage.metrics import structural_similarity

SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
def test_rank_accuracy_counts_the_highest_pixels(
    made: Callable, case: Callable, a_map: Callable, truth: np.ndarray, seed: int
) -> None:
    values = a_map(seed)
    highest = sorted(np.ndindex(values.shape), key=lambda at: -values[at])[: truth.sum()]
    expected = np.mean([truth[each] for each in highest])
    found = made("quantus-relevance-rank-accuracy").measure(case(values))
    assert found == pytest.approx(expected, abs=1e-9)


def test_localisation_of_a_map_on_the_object_alone_is_1(
    made: Callable, case: Callable, a_map: Callable, truth: np.ndarray
) -> None:
    at = case(np.where(truth, np.abs(a_map(0)) + 1, 0).astype("f4"))
    for name in ("attribution-localisation", "relevance-mass-accuracy", "relevance-rank-accuracy"):
        assert made(f"quantus-{name}").measure(at) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_sparseness_is_the_gini_index(
    made: Callable, case: Callable, a_map: Callable, seed: int
) -> None:
    values = a_map(seed)
    sizes = np.sort(np.abs(values).ravel().astype(float))
    apart = sum(abs(a - sizes).sum() for a in sizes)
    expected = apart / (2 * len(sizes) * sizes.sum())  # mean difference over twice the mean
    found = made("quantus-sparseness").measure(case(values))
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_complexity_is_an_entropy(
    made: Callable, case: Callable, a_map: Callable, seed: int
) -> None:
    values = a_map(seed)
    shares = np.abs(values).ravel().astype(float) / np.abs(values).sum(dtype=float)
    expected = -sum(each * np.log(each) for each in shares)
    found = made("quantus-complexity").measure(case(values))
    assert found == pytest.approx(expected, abs=1e-4)
    single = np.zeros_like(values)
    single[3, 4] = 1
    assert made("quantus-complexity").measure(case(single)) == pytest.approx(0, abs=1e-6)
    assert made("quantus-sparseness").measure(case(single)) == pytest.approx(1, abs=2e-3)


def brightness(seed: int, model: Any, image: np.ndarray | None = None, target: Any = None) -> Any:
    """The map of a method that shows the image's red, which is known for any image."""
    assert image is not None
    return image[..., 0]


@pytest.mark.parametrize("seed", SEEDS)
def test_local_lipschitz_is_the_steepest_of_the_copies(
    made: Callable, case: Callable, seed: int
) -> None:
    red = case(np.ones((32, 32), "f4"), seed=seed).image[..., 0].astype("f4") / 255
    at = case(red, brightness, seed)
    found = made("quantus-local-lipschitz", copies=4, noise=0.05).measure(at)
    image, random, steepest = at.image / 255.0, np.random.default_rng(seed), 0.0
    for _ in range(4):
        noise = random.normal(0, 0.05, (1, 3, 32, 32))[0].transpose(1, 2, 0)
        copy = (image + noise).clip(0, 1)
        moved = copy[..., 0] / copy[..., 0].max() - red / red.max()
        steepest = max(steepest, np.linalg.norm(moved) / np.linalg.norm(copy - image))
    assert found == pytest.approx(steepest, rel=1e-4)
    assert 0 < found < 1


@pytest.mark.parametrize("seed", SEEDS)
def test_max_sensitivity_is_the_largest_change(made: Callable, case: Callable, seed: int) -> None:
    red = case(np.ones((32, 32), "f4"), seed=seed).image[..., 0].astype("f4") / 255
    at = case(red, brightness, seed)
    found = made("quantus-max-sensitivity", copies=4, radius=0.1).measure(at)
    image, random, largest = at.image / 255.0, np.random.default_rng(seed), 0.0
    for _ in range(4):
        noise = random.uniform(-0.1, 0.1, (1, 3, 32, 32))[0].transpose(1, 2, 0)
        copy = (image + noise).clip(0, 1)[..., 0]
        largest = max(largest, np.linalg.norm(copy - red) / np.linalg.norm(red))
    assert found == pytest.approx(largest, rel=1e-4)
    still = case(red, lambda *_, **__: red, seed)
    assert made("quantus-max-sensitivity", copies=2).measure(still) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_faithfulness_correlation_is_pearsons(
    made: Callable, case: Callable, a_map: Callable, seed: int
) -> None:
    at = case(a_map(seed), seed=seed)
    model, pixels = at.model, at.pixels
    found = made("quantus-faithfulness-correlation", subsets=12, share=0.3).measure(at)
    random, sums, drops = np.random.RandomState(seed), [], []

    def chance(images: torch.Tensor) -> float:
        return float(model.probabilities(model.predict(images[None]))[0, 1])

    for _ in range(12):
        hidden = random.choice(32 * 32, round(0.3 * 32 * 32), replace=False)
        left = pixels.flatten(1).clone()
        left[:, hidden] = 0.5
        sums.append(at.map.ravel()[hidden].sum())
        drops.append(chance(pixels) - chance(left.view_as(pixels)))
    assert found == pytest.approx(pearsonr(sums, drops).statistic, abs=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_logit_compares_with_another_class(
    made: Callable, case: Callable, a_map: Callable, seed: int
) -> None:
    asked = []

    def again(seed: int, model: Any, target: Any) -> np.ndarray:
        asked.append(target)
        return a_map(target.index)

    at = case(a_map(1), again, seed)
    found = made("quantus-random-logit").measure(at)
    (other,) = asked
    assert other.index in (0, 2) and other.name in ("ant", "cat")
    pair = [each.ravel() / np.abs(each).max() for each in (a_map(1), a_map(other.index))]
    span = float(max(map(np.max, pair)) - min(map(np.min, pair)))
    assert found == pytest.approx(structural_similarity(*pair, data_range=span), abs=1e-4)
    same = case(a_map(1), lambda *_, **__: a_map(1), seed)
    assert made("quantus-random-logit").measure(same) == pytest.approx(1)
