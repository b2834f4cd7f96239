"""The shared solvers against each other, against optimality conditions, and against plain NumPy."""

import numpy as np
import pytest
import torch

from interp.solve import constrained_least_squares, lasso_admm, lasso_fista, ridge, soft

SHAPES = [(1, 5, 30), (4, 12, 40), (3, 40, 25)]  # targets, parts, samples; the last is singular


def problem(
    seed: int, shape: tuple[int, int, int], shared: bool
) -> tuple[torch.Tensor, torch.Tensor, np.ndarray, np.ndarray, np.ndarray]:
    """gram, b, and the rows x (N, P), y (N, T), w (N, R) behind them."""
    targets, parts, count = shape
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, parts)) * random.uniform(0.3, 2, parts)
    truth = random.normal(size=(parts, targets)) * (random.random((parts, targets)) < 0.3)
    y = x @ truth + 0.1 * random.normal(size=(count, targets))
    w = random.random((count, 1 if shared else targets))
    gram = np.stack([(x * w[:, [r]]).T @ x for r in range(w.shape[1])])
    return torch.from_numpy(gram), torch.from_numpy((w * y).T @ x), x, y, w


def test_soft_threshold_by_cases() -> None:
    values = torch.tensor([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
    assert soft(values, 1.0).tolist() == [-2, 0, 0, 0, 0, 0, 2]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_lasso_is_optimal_both_ways(seed: int, shape: tuple[int, int, int], shared: bool) -> None:
    gram, b, *_ = problem(seed, shape, shared)
    lam = 0.05 * b.abs().amax(1)
    for weights in (lasso_admm(gram, b, lam), lasso_fista(gram, b, lam)):
        slope = torch.stack([w @ gram[t % len(gram)] - b[t] for t, w in enumerate(weights)])
        on = weights != 0
        assert (slope.abs() <= lam[:, None] * (1 + 1e-4)).all()
        error = (slope + lam[:, None] * weights.sign()).abs() / lam[:, None]
        assert error[on].max() < 1e-4


@pytest.mark.parametrize("shape", SHAPES[:2])
@pytest.mark.parametrize("rho", [None, 0.3, 30.0])
def test_admm_and_fista_agree(shape: tuple[int, int, int], rho: float | None) -> None:
    gram, b, *_ = problem(5, shape, True)
    lam = 0.03 * b.abs().max()
    torch.testing.assert_close(
        lasso_admm(gram, b, lam, rho), lasso_fista(gram, b, lam), rtol=0, atol=1e-4
    )


def test_lasso_beyond_the_largest_lambda_is_zero() -> None:
    gram, b, *_ = problem(1, SHAPES[1], True)
    for solver in (lasso_admm, lasso_fista):
        assert not solver(gram, b, b.abs().max() * 1.001).any()
        assert solver(gram, b, b.abs().max() * 0.9).any()


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_ridge_equals_augmented_rows(shape: tuple[int, int, int], shared: bool) -> None:
    gram, b, x, y, w = problem(2, shape, shared)
    penalty = np.linspace(0.1, 2, x.shape[1])
    found = ridge(gram, b, torch.from_numpy(penalty))
    for t in range(len(b)):
        root = np.sqrt(w[:, [t % w.shape[1]]])
        rows = np.vstack([root * x, np.diag(np.sqrt(penalty))])
        right = np.concatenate([root[:, 0] * y[:, t], np.zeros(x.shape[1])])
        slow = np.linalg.lstsq(rows, right, rcond=None)[0]
        np.testing.assert_allclose(found[t], slow, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("shape", SHAPES[:2])
def test_constrained_equals_elimination(shape: tuple[int, int, int], shared: bool) -> None:
    gram, b, x, y, w = problem(3, shape, shared)
    value = torch.linspace(-1, 2, len(b), dtype=torch.float64)
    constraint = torch.linspace(1, 2, x.shape[1], dtype=torch.float64)
    found = constrained_least_squares(gram, b, constraint, value)
    torch.testing.assert_close(found @ constraint, value, rtol=1e-9, atol=1e-9)
    for t in range(len(b)):  # the last weight follows from the others
        scale = constraint.numpy() / constraint[-1].item()
        rest = x[:, :-1] - np.outer(x[:, -1], scale[:-1])
        right = y[:, t] - x[:, -1] * (value[t] / constraint[-1]).item()
        root = np.sqrt(w[:, t % w.shape[1]])
        slow = np.linalg.lstsq(root[:, None] * rest, root * right, rcond=None)[0]
        np.testing.assert_allclose(found[t, :-1], slow, rtol=1e-7, atol=1e-9)


def test_constraint_holds_with_a_part_that_does_nothing() -> None:
    gram, b, *_ = problem(4, (2, 6, 40), True)
    gram[:, 2], gram[:, :, 2], b[:, 2] = 0, 0, 0
    value = torch.tensor([1.0, 2.0])
    found = constrained_least_squares(gram, b, torch.ones(6), value)
    torch.testing.assert_close(found.sum(1), value.double(), rtol=1e-9, atol=1e-9)
