"""The shared solvers against each other, against optimality conditions, and against plain NumPy."""

import numpy as np
import pytest
import torch

from interp.engine import lasso as pivoting
from interp.engine import lasso_admm as working_sets
from interp.engine.lasso_admm import lasso_by_admm
from interp.engine.solve import (
    constrained_least_squares,
    kkt,
    lasso,
    lasso_path,
    ridge,
    soft,
)

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


def lasso_admm(
    gram: torch.Tensor, b: torch.Tensor, lam: torch.Tensor | float, rho: float | None = None
) -> torch.Tensor:
    """The lasso by plain ADMM on all channels (Boyd et al. 2011), one target after the other."""
    lams = torch.as_tensor(lam, dtype=b.dtype).expand(len(b))
    return torch.stack([_admm(gram[t % len(gram)], b[t], lams[t], rho) for t in range(len(b))])


def _admm(g: torch.Tensor, b: torch.Tensor, lam: torch.Tensor, rho: float | None) -> torch.Tensor:
    rho = rho or float(g.diagonal().mean())
    inverse = torch.linalg.inv(g + rho * torch.eye(len(g), dtype=g.dtype))
    m = u = torch.zeros_like(b)
    for _ in range(2000):
        w = inverse @ (b + rho * (m + u))
        before, m = m, soft(w - u, lam / rho)
        u = u - (w - m)
        primal = (w - m).abs().max() / m.abs().max().clamp_min(1e-12)
        if max(primal, rho * (m - before).abs().max() / b.abs().max()) < 1e-7:
            break
    return m


def lasso_fista(gram: torch.Tensor, b: torch.Tensor, lam: torch.Tensor | float) -> torch.Tensor:
    """The lasso by accelerated proximal gradient, restarted when momentum points uphill."""
    lam = torch.as_tensor(lam, dtype=b.dtype).reshape(-1, 1)
    slope = torch.linalg.eigvalsh(gram)[:, -1:].clamp_min(1e-300)  # (R, 1)
    w = v = torch.zeros_like(b)
    momentum = torch.ones_like(b[:, :1])
    for _ in range(20_000):
        pull = (v.unsqueeze(1) @ gram).squeeze(1) - b
        before, w = w, soft(v - pull / slope, lam / slope)
        uphill = ((v - w) * (w - before)).sum(1, keepdim=True) > 0
        momentum = torch.where(uphill, torch.ones_like(momentum), momentum)
        following = (1 + (1 + 4 * momentum.square()).sqrt()) / 2
        v = w + (momentum - 1) / following * (w - before)
        momentum = following
        change = (slope * (w - before)).abs().amax(1) / b.abs().amax(1)
        if change.max() < 1e-9:
            break
    return w


def test_soft_threshold_by_cases() -> None:
    values = torch.tensor([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
    assert soft(values, 1.0).tolist() == [-2, 0, 0, 0, 0, 0, 2]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_lasso_is_optimal_both_ways(seed: int, shape: tuple[int, int, int], shared: bool) -> None:
    gram, b, *_ = problem(seed, shape, shared)
    lam = 0.05 * b.abs().amax(1)
    for weights in (lasso(gram, b, lam), lasso_admm(gram, b, lam), lasso_fista(gram, b, lam)):
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
    for solver in (lasso, lasso_admm, lasso_fista):
        assert not solver(gram, b, b.abs().max() * 1.001).any()
        assert solver(gram, b, b.abs().max() * 0.9).any()


def channels(seed: int, targets: int, parts: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Gram and b of CHIP's kind, one Gram a target: masked positive features, few true weights."""
    random = np.random.default_rng(seed)
    masks = (random.random((40, parts)) < 0.5).astype(float)
    grams, bs = [], []
    for _ in range(targets):
        pooled = np.maximum(random.normal(size=(15, parts)) + 1 + random.normal(size=(15, 1)), 0)
        rows = (masks[:, None] * pooled).reshape(-1, parts)
        truth = random.normal(size=parts) * (random.random(parts) < 0.2)
        bs.append(rows.T @ (rows @ truth + 0.5 * random.normal(size=len(rows))))
        grams.append(rows.T @ rows)
    return torch.from_numpy(np.stack(grams)), torch.from_numpy(np.stack(bs))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("share", [0.3, 0.01, 1e-3])
@pytest.mark.parametrize("solver", ["pivots", "one channel at a time", "ADMM"])
@pytest.mark.parametrize("seed", range(2))
def test_lasso_equals_fista_and_coordinate_descent(
    seed: int, solver: str, share: float, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pivoting, "ROOM", 5)
    monkeypatch.setattr(working_sets, "ROOM", 5)
    if solver == "one channel at a time":
        monkeypatch.setattr(pivoting, "PATIENCE", 0)
    gram, b = channels(seed, 7)
    if shared:
        gram = gram[:1]
        b = torch.from_numpy(np.random.default_rng(seed).normal(size=(7, 40))) @ gram[0]
    lam = share * b.abs().amax(1) * torch.linspace(0.5, 1.5, 7)
    solved = lasso if solver != "ADMM" else by_admm
    found = solved(gram, b, lam)
    assert kkt(gram, b, lam, found).max() < 1e-9
    torch.testing.assert_close(found, lasso_fista(gram, b, lam), rtol=0, atol=1e-4)
    for t, weights in enumerate(found):
        slow = coordinate_descent(gram[t % len(gram)].numpy(), b[t].numpy(), float(lam[t]))
        np.testing.assert_allclose(weights, slow, atol=1e-4)
        assert (weights == 0).sum() >= (slow == 0).sum() - 1
    assert (found == 0).any() or share < 0.01


def by_admm(
    gram: torch.Tensor, b: torch.Tensor, lam: torch.Tensor, rounds: int = 100
) -> torch.Tensor:
    found = [
        lasso_by_admm(gram[t % len(gram)], b[t], each, 1e-10 * each, rounds)
        for t, each in enumerate(lam.tolist())
    ]
    return torch.stack(found)


def coordinate_descent(gram: np.ndarray, b: np.ndarray, lam: float) -> np.ndarray:
    """One weight after the other, each at its own best, until none moves."""
    w = np.zeros_like(b)
    for _ in range(20_000):
        before = w.copy()
        for k in range(len(w)):
            pull = b[k] - gram[k] @ w + gram[k, k] * w[k]
            w[k] = np.sign(pull) * max(abs(pull) - lam, 0) / gram[k, k]
        if np.abs(w - before).max() < 1e-8:
            break
    return w


def test_kkt_by_the_subgradient() -> None:
    gram, b = channels(3, 3)
    lam = torch.tensor([50.0, 20.0, 0.0], dtype=torch.float64)
    weights = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 40)))
    weights[:, ::2] = 0
    for t, found in enumerate(kkt(gram, b, lam, weights)):
        missed = []
        for k, w in enumerate(weights[t].tolist()):
            slope, limit = float(gram[t, k] @ weights[t] - b[t, k]), float(lam[t])
            missed.append(abs(slope + limit * np.sign(w)) if w else max(abs(slope) - limit, 0))
        assert found == pytest.approx(max(missed) / float(lam[t] or b[t].abs().max()))


def test_the_exact_solve_ends_admm_in_a_few_rounds() -> None:
    gram, b = channels(8, 6)
    lam = 0.01 * b.abs().amax(1)
    found = by_admm(gram, b, lam, rounds=8)
    assert kkt(gram, b, lam, found).max() < 1e-9


@pytest.mark.parametrize("shared", [True, False])
def test_a_path_holds_the_weights_of_each_lambda(shared: bool) -> None:
    gram, b = channels(9, 4)
    gram = gram[:1] if shared else gram
    b = torch.from_numpy(np.random.default_rng(9).normal(size=(4, 40))) @ gram[0] if shared else b
    lams = torch.tensor([0.5, 0.1, 0.01, 1e-3, 1e-4]).double()[:, None] * b.abs().amax(1)
    path = lasso_path(gram, b, lams)
    used = (path != 0).sum(2).double().mean(1)
    assert used[0] < 20 < used[-1]  # small supports, and those solved by what they leave out
    for lam, weights in zip(lams, path, strict=True):
        assert kkt(gram, b, lam, weights).max() < 1e-9
        torch.testing.assert_close(weights, lasso(gram, b, lam))


@pytest.mark.parametrize("seed", range(3))
def test_a_path_with_fewer_samples_than_channels(seed: int) -> None:
    rows = torch.from_numpy(np.random.default_rng(seed).normal(size=(25, 60)))
    gram, b = (rows.T @ rows)[None], (rows @ torch.ones(60).double() + rows[:, 0] ** 2) @ rows
    lams = torch.tensor([[0.3], [0.03], [0.003]]).double() * b.abs().max()
    for lam, weights in zip(lams, lasso_path(gram, b[None], lams), strict=True):
        assert kkt(gram, b[None], lam, weights).max() < 1e-8
        assert int((weights != 0).sum()) <= 25  # no unique solution has more


def test_a_path_goes_by_way_of_the_middle_where_a_step_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gram, b = channels(10, 1)
    monkeypatch.setattr(pivoting, "lasso_by_admm", None)  # is not needed
    monkeypatch.setattr(pivoting, "STEPS", 5)
    lam = 1e-3 * b.abs().amax(1)
    assert kkt(gram, b, lam, lasso(gram, b, lam)).max() < 1e-9
    monkeypatch.setattr(pivoting, "HALVINGS", 0)
    with pytest.raises(TypeError):
        lasso(gram, b, lam)


def test_lasso_without_penalty_is_least_squares() -> None:
    gram, b = channels(4, 3)
    torch.testing.assert_close(lasso(gram, b, 0.0), ridge(gram, b, 0.0), rtol=1e-7, atol=1e-9)


def test_lasso_of_nothing_is_zero() -> None:
    gram, b = channels(5, 3)
    gram[1], b[1] = 0, 0
    for lam in (0.0, 0.01 * b.abs().max()):
        found = lasso(gram, b, lam)
        assert found.isfinite().all() and not found[1].any() and found[0].any()
        assert kkt(gram, b, lam, found).max() < 1e-6


def test_lasso_with_channels_that_are_the_same() -> None:
    gram, b = channels(6, 4)
    twice = torch.cat([torch.arange(40), torch.arange(0, 40, 3)])  # every third a second time
    doubled, right = gram[:, twice][:, :, twice], b[:, twice]
    lam = 0.01 * b.abs().amax(1)
    found = lasso(doubled, right, lam)
    assert kkt(doubled, right, lam, found).max() < 1e-6
    joined = torch.zeros_like(b).index_add(1, twice, found)
    torch.testing.assert_close(joined, lasso(gram, b, lam), rtol=0, atol=1e-6)


def test_lasso_takes_single_precision() -> None:
    gram, b = channels(7, 5)
    found = lasso(gram.float(), b.float(), 3.0)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, lasso(gram, b, 3.0), rtol=1e-4, atol=1e-4)


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
