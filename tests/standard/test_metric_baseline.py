"""The maps that see no model: conforming methods, and what they look like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from interp.testing import MethodCase, method_checks
from interp_standard.baseline import Centre, Edges, Noise, centred_gaussian

BASELINES = {"random": Noise, "centre": Centre, "edges": Edges}

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


def drawn(name: str, image: np.ndarray = IMAGE, seed: int = 0, **params: float) -> np.ndarray:
    kind = BASELINES[name]
    return kind(kind.Params(**params)).draw(image, seed)


CHECKS = [
    each
    for each in method_checks()
    if each.__name__ != "check_model_restored_after_failure"  # the model is asked nothing
]


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conforms(name: str, check: Callable[[MethodCase], None]) -> None:
    check(MethodCase(name))


def test_noise_is_another_for_each_image_and_seed() -> None:
    first, other = drawn("random"), drawn("random", 255 - IMAGE)
    np.testing.assert_array_equal(first, drawn("random"))
    for each in (other, drawn("random", seed=1)):
        assert abs(np.corrcoef(first.ravel(), each.ravel())[0, 1]) < 0.5
    assert (first.min(), first.max()) == (0, 1)


@pytest.mark.parametrize(("sigma", "low", "high"), [(0.0, -0.1, 0.1), (0.05, 0.8, 1.0)])
def test_noise_is_as_coarse_as_it_is_asked_to_be(sigma: float, low: float, high: float) -> None:
    values = drawn("random", sigma=sigma)
    beside = np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1]
    assert low < beside < high


def test_the_middle_is_brightest() -> None:
    np.testing.assert_array_equal(drawn("centre", sigma=0.1), centred_gaussian((40, 60), 0.1))


def test_edges_are_sobels() -> None:
    grey = (IMAGE @ [0.299, 0.587, 0.114]).round() / 255
    down = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    found = drawn("edges")
    for y, x in [(1, 1), (20, 30), (38, 58)]:
        window = grey[y - 1 : y + 2, x - 1 : x + 2]
        slow = np.hypot((window * down).sum(), (window * down.T).sum())
        assert found[y, x] == pytest.approx(slow, abs=0.02)
