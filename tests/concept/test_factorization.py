"""Factors against slow second writings, other programs, and factors that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp_concept.factorization import _improve, encode, factorise

SHAPES = [(40, 7, 3), (25, 30, 5), (60, 12, 12), (9, 4, 2)]


def slow_sweep(
    values: np.ndarray, left: np.ndarray, right: np.ndarray, free: bool
) -> tuple[np.ndarray, np.ndarray]:
    """One sweep over the rows of W, then the columns of U, entry by entry from the residual."""
    left, right = left.copy(), right.copy()
    for k in range(len(right)):
        rest = values - left @ right + np.outer(left[:, k], right[k])
        for c in range(right.shape[1]):
            best = left[:, k] @ rest[:, c] / (left[:, k] @ left[:, k])
            right[k, c] = best if free else max(best, 0.0)
    for k in range(len(right)):
        rest = values - left @ right + np.outer(left[:, k], right[k])
        for n in range(len(left)) if right[k].any() else ():
            left[n, k] = max(rest[n] @ right[k] / (right[k] @ right[k]), 0.0)
    return left, right


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_sweep_is_the_best_of_each_row_and_column(
    shape: tuple[int, int, int], free: bool, seed: int
) -> None:
    rows, columns, count = shape
    random = np.random.default_rng(seed)
    values = random.random((rows, columns)) - (0.3 if free else 0)
    left, right = random.random((rows, count)) + 0.1, random.random((count, columns)) + 0.1
    a, u, w = (torch.from_numpy(each.copy()) for each in (values, left, right))
    _improve(w.T, u.T @ u, a.T @ u, free)
    _improve(u, w @ w.T, a @ w.T)
    for found, expected in zip((u, w), slow_sweep(values, left, right, free), strict=True):
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_coefficients_are_those_of_non_negative_least_squares(
    shape: tuple[int, int, int], seed: int
) -> None:
    from scipy.optimize import nnls

    rows, columns, count = shape
    count = min(count, columns - 1)  # unique only then
    random = np.random.default_rng(seed)
    values, bank = random.normal(size=(rows, columns)), random.random((count, columns))
    found = encode(torch.from_numpy(values), torch.from_numpy(bank)).numpy()
    expected = np.array([nnls(bank.T, row)[0] for row in values])
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_planted_factors_are_found(seed: int) -> None:
    """Where most rows hold one direction alone, the factors are unique."""
    random = np.random.default_rng(seed)
    bank = random.random((4, 20)) * (random.random((4, 20)) < 0.5)
    coefficients = np.eye(4)[random.integers(0, 4, 200)] * random.uniform(0.5, 2, (200, 1))
    found = factorise(torch.from_numpy(coefficients @ bank), 4, seed)
    bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    cosines = found.bank.numpy() @ bank.T
    assert (cosines.max(0) > 0.999).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_error_is_no_larger_than_scikit_learns(seed: int) -> None:
    from sklearn.decomposition import NMF

    random = np.random.default_rng(seed)
    values = random.random((80, 6)) @ random.random((6, 30)) + 0.2 * random.random((80, 30))
    found = factorise(torch.from_numpy(values), 6, 0)
    peer = NMF(6, max_iter=2000, tol=1e-7).fit(values)
    error = np.linalg.norm(values - (found.coefficients @ found.bank).numpy())
    assert error <= 1.01 * peer.reconstruction_err_


def test_directions_are_signed_only_where_values_are() -> None:
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(60, 9)))
    signed, plain = factorise(values, 4, 0), factorise(values.abs(), 4, 0)
    assert float(signed.bank.min()) < 0 <= float(plain.bank.min())
    for each in (signed, plain):
        assert float(each.coefficients.min()) >= 0
        np.testing.assert_allclose(each.bank.norm(dim=1).numpy(), 1, rtol=1e-9)
    rest = values - signed.coefficients @ signed.bank
    assert rest.square().sum() < 0.7 * values.square().sum()


def test_seeds_differ_and_repeat() -> None:
    values = torch.from_numpy(np.random.default_rng(0).random((50, 10)))
    first, again, other = (factorise(values, 5, seed).bank for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_nothing_to_factorise() -> None:
    found = factorise(torch.zeros(10, 4), 3, 0)
    assert not found.coefficients.any() and torch.isfinite(found.bank).all()


@pytest.mark.parametrize("seed", range(8))
def test_no_direction_is_left_unused(seed: int) -> None:
    """Three rows in three hundred have the third direction, which hardly any start has."""
    random = np.random.default_rng(seed)
    amounts = random.uniform(1, 2, (300, 3))
    amounts[np.arange(300), random.integers(0, 2, 300)] = 0
    amounts[3:, 2] = 0
    factors = factorise(torch.from_numpy(amounts @ np.eye(3, 6)), 3, seed)
    assert (factors.coefficients.norm(dim=0) > 1).all()
