"""Total indices against a slow second writing and against functions whose indices are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from interp_concept.sobol import draw_masks, total_indices

Function = Callable[[np.ndarray], np.ndarray]


def scores(function: Function, count: int, rows: int, random: bool, sets: int = 8) -> torch.Tensor:
    """Scores (S, rows (R + 2), 1) of the function on masks."""
    drawn = [draw_masks(count, rows, 3, number, random).double().numpy() for number in range(sets)]
    return torch.from_numpy(np.stack([function(each)[:, None] for each in drawn]))


def ishigami(masks: np.ndarray) -> np.ndarray:
    x = (2 * masks - 1) * np.pi
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


KNOWN: dict[str, tuple[Function, list[float]]] = {
    "additive": (lambda m: m @ np.array([1.0, 2.0, 3.0, 0.0]), [1 / 14, 4 / 14, 9 / 14, 0]),
    "product": (lambda m: m[:, 0] * m[:, 1], [4 / 7, 4 / 7, 0]),
    "ishigami": (ishigami, [0.5576, 0.4424, 0.2437]),
}
"""Functions of uniform inputs and their total indices. Product of two: E[Var | other] = (1/12)(1/3)
over a variance of 7/144. Ishigami's with a = 7, b = 0.1: I. M. Sobol, Y. L. Levitan 1999."""


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("random", [False, True])
def test_known_indices(name: str, random: bool) -> None:
    function, expected = KNOWN[name]
    found = total_indices(scores(function, len(expected), 1024, random), len(expected))
    apart = np.abs(found.values[0] - expected)
    assert (apart < 0.03).all()
    assert (apart < 5 * found.standard_error[0] + 0.005).all()


@pytest.mark.parametrize("random", [False, True])
def test_few_masks_are_right_on_average_within_their_errors(random: bool) -> None:
    """As many masks as by default for ten concepts: 8 sets of 10 rows."""
    weights = np.arange(1.0, 11)
    found = total_indices(scores(lambda m: m @ weights, 10, 10, random), 10)
    expected = weights**2 / np.square(weights).sum()
    assert (np.abs(found.values[0] - expected) < 4 * found.standard_error[0] + 0.01).all()
    assert found.standard_error.max() < 0.1


def slow_total(per_set: np.ndarray, rows: int, count: int) -> np.ndarray:
    """Jansen's estimator in loops, over all sets."""
    base = [y for one in per_set for y in one[: 2 * rows]]
    mean = sum(base) / len(base)
    variance = sum((y - mean) ** 2 for y in base) / len(base)
    found = []
    for k in range(count):
        total = 0.0
        for one in per_set:
            for n in range(rows):
                total += (one[n] - one[(2 + k) * rows + n]) ** 2
        found.append(total / (rows * len(per_set)) / 2 / variance)
    return np.array(found)


@pytest.mark.parametrize(("count", "rows", "sets"), [(2, 3, 2), (5, 7, 4), (3, 1, 3)])
def test_the_estimate_and_its_error_in_loops(count: int, rows: int, sets: int) -> None:
    values = np.random.default_rng(0).normal(size=(sets, rows * (count + 2), 2))
    found = total_indices(torch.from_numpy(values), count)
    for target in range(2):
        one = values[..., target]
        np.testing.assert_allclose(found.values[target], slow_total(one, rows, count))
        left = np.array([slow_total(np.delete(one, at, 0), rows, count) for at in range(sets)])
        spread = np.sqrt((sets - 1) * left.var(0))
        np.testing.assert_allclose(found.standard_error[target], spread)


@pytest.mark.parametrize("random", [False, True])
def test_masks_are_two_halves_and_one_column_each(random: bool) -> None:
    masks = draw_masks(3, 16, 0, 0, random).numpy()
    first, second, *mixed = np.split(masks, 5)
    for at, each in enumerate(mixed):
        expected = first.copy()
        expected[:, at] = second[:, at]
        np.testing.assert_array_equal(each, expected)
    assert masks.min() >= 0 and masks.max() <= 1
    assert abs(first.mean() - 0.5) < 0.1 and abs(second.mean() - 0.5) < 0.1
    assert not np.array_equal(masks, draw_masks(3, 16, 0, 1, random).numpy())
    np.testing.assert_array_equal(masks, draw_masks(3, 16, 0, 0, random).numpy())


def test_no_global_generator_is_moved() -> None:
    before = torch.get_rng_state()
    draw_masks(3, 16, 0, 0)
    assert torch.equal(before, torch.get_rng_state())


def test_what_never_changes_has_no_indices() -> None:
    found = total_indices(torch.full((4, 40, 1), 3.7), 8)
    assert not found.values.any() and not found.standard_error.any()
