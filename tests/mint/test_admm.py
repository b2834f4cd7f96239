"""The coupled solver against the paper's equations in plain NumPy and against other solvers."""

from dataclasses import dataclass

import numpy as np
import pytest
import scipy.optimize
import torch

from interp.engine.moments import Sums
from interp_mint.admm import NestedAdmm
from interp_mint.problem import Problem


@dataclass(frozen=True)
class Rows:
    """A random experiment: samples k, coarse and fine representations, scores, weights, tree."""

    z_c: np.ndarray  # (K, p)
    z_f: np.ndarray  # (K, q)
    y: np.ndarray  # (K,)
    h: np.ndarray  # (K,)
    tree: np.ndarray  # (q, p)
    lambda_c: float
    lambda_f: float
    mu: float

    def pair(self) -> tuple[Sums, Sums]:
        y, h = (torch.from_numpy(each) for each in (self.y[:, None], self.h))
        coarse, fine = (Sums.of(torch.from_numpy(z), y, h) for z in (self.z_c, self.z_f))
        return coarse, fine

    def problem(self) -> Problem:
        tree = torch.from_numpy(self.tree)
        return Problem.of([self.pair()], tree, self.lambda_c, self.lambda_f, self.mu)

    def objective(self, w_c: np.ndarray, w_f: np.ndarray) -> float:
        """Eq. 17 sample by sample, with L1 for L0 and the relative lambdas of the notes."""
        r_c, r_f = (self.h * self.y) @ self.z_c, (self.h * self.y) @ self.z_f
        value = self.lambda_c * np.abs(r_c).max() * np.abs(w_c).sum()
        value += self.lambda_f * self.mu * np.abs(r_f).max() * np.abs(w_f).sum()
        for k in range(len(self.y)):
            value += self.h[k] * (w_c @ self.z_c[k] - self.y[k]) ** 2 / 2
            value += self.mu * self.h[k] * (w_f @ self.z_f[k] - self.y[k]) ** 2 / 2
        return float(value)


def experiment(seed: int, q: int = 20, p: int = 4, count: int = 300, mu: float = 1.0) -> Rows:
    parent = np.sort(np.concatenate([np.arange(p), np.arange(q - p) ** 2 % p]))
    random = np.random.default_rng(seed)
    tree = np.eye(p)[parent]
    states = random.integers(0, 2, (count, q)).astype(float)
    states[0], states[1] = 1, 0
    effect = random.normal(size=q) * (random.random(q) < 0.4)
    y = 1 / (1 + np.exp(1 - states @ effect))
    distance = (1 - states) @ random.uniform(1, 5, q)
    return Rows(
        z_c=states @ (tree / tree.sum(0)) * random.uniform(0.3, 40, p),
        z_f=states * random.uniform(0.05, 3, q),
        y=y,
        h=np.exp(-distance / np.median(distance)),
        tree=tree,
        lambda_c=0.01,
        lambda_f=0.02,
        mu=mu,
    )


def numpy_soft(v: np.ndarray, t: float) -> np.ndarray:
    return np.sign(v) * np.maximum(np.abs(v) - t, 0)


def algorithm_1(rows: Rows, penalty: float, inner: int, outer: int) -> tuple[np.ndarray, ...]:
    """The paper's updates (28) to (42) as printed, on the rows themselves."""
    h, y, tree, mu = rows.h, rows.y, rows.tree, rows.mu
    gram_c = sum(h[k] * np.outer(rows.z_c[k], rows.z_c[k]) for k in range(len(y)))
    gram_f = sum(h[k] * np.outer(rows.z_f[k], rows.z_f[k]) for k in range(len(y)))
    r_c = sum(h[k] * y[k] * rows.z_c[k] for k in range(len(y)))
    r_f = sum(h[k] * y[k] * rows.z_f[k] for k in range(len(y)))
    q, p = tree.shape
    l_c, l_f = rows.lambda_c * np.abs(r_c).max(), rows.lambda_f * mu * np.abs(r_f).max()
    rho_c, rho_f = penalty * np.trace(gram_c) / p, penalty * mu * np.trace(gram_f) / q
    lam = np.sqrt(rho_c * rho_f)
    m_c, g_c, g, w_c = (np.zeros(p) for _ in range(4))
    m_f, g_f, w_f = (np.zeros(q) for _ in range(3))
    for _ in range(outer):
        for _ in range(inner):
            right = r_c + lam * (w_f @ tree - g) + rho_c * m_c + rho_c * g_c
            w_c = right @ np.linalg.inv(gram_c + lam * np.eye(p) + rho_c * np.eye(p))
            m_c = numpy_soft(w_c - g_c, l_c / rho_c)
            g_c = g_c - (w_c - m_c)
        for _ in range(inner):
            right = mu * r_f + lam * (w_c + g) @ tree.T + rho_f * m_f + rho_f * g_f
            matrix = mu * gram_f + lam * tree @ tree.T + rho_f * np.eye(q)
            w_f = right @ np.linalg.inv(matrix)
            m_f = numpy_soft(w_f - g_f, l_f / rho_f)
            g_f = g_f - (w_f - m_f)
        g = g - (w_f @ tree - w_c)
    return w_c, m_c, g_c, w_f, m_f, g_f, g


def eliminated_optimum(rows: Rows) -> float:
    """The objective's minimum with w_c = w_f T put in, as a smooth problem in u, v >= 0.

    w_f = u - v; |w_f T| is made smooth by bounds too: t >= +-(w_f T). Solved by SLSQP.
    """
    problem, (q, p) = rows.problem(), rows.tree.shape
    gram_c, gram_f = problem.gram_c[0].numpy(), problem.gram_f[0].numpy() * rows.mu
    gram = gram_f + rows.tree @ gram_c @ rows.tree.T
    r = problem.r_f[0].numpy() * rows.mu + rows.tree @ problem.r_c[0].numpy()
    l_c, l_f = float(problem.lambda_c[0]), float(problem.lambda_f[0])
    unit = float(problem.yy[0]) / 2
    scale = 1 / np.sqrt(np.diag(gram))  # variables of one size

    def value(x: np.ndarray) -> tuple[float, np.ndarray]:
        w = (x[:q] - x[q : 2 * q]) * scale
        total = w @ gram @ w / 2 - r @ w + l_f * (x[: 2 * q] @ np.tile(scale, 2))
        slope = (w @ gram - r) * scale
        parts = slope + l_f * scale, -slope + l_f * scale, np.full(p, l_c)
        return (total + l_c * x[2 * q :].sum()) / unit, np.concatenate(parts) / unit

    mixing = np.hstack([(rows.tree * scale[:, None]).T, -(rows.tree * scale[:, None]).T])
    above = np.block([[mixing, np.eye(p)], [-mixing, np.eye(p)]])
    found = scipy.optimize.minimize(
        value,
        np.zeros(2 * q + p),
        jac=True,
        method="SLSQP",
        bounds=[(0, None)] * (2 * q + p),
        constraints={"type": "ineq", "fun": lambda x: above @ x, "jac": lambda x: above},
        options={"maxiter": 2000, "ftol": 1e-15},
    )
    w_f = (found.x[:q] - found.x[q : 2 * q]) * scale
    return rows.objective(w_f @ rows.tree, w_f)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mu", [1.0, 0.2])
def test_objective_is_the_papers(seed: int, mu: float) -> None:
    rows = experiment(seed, mu=mu)
    random = np.random.default_rng(seed)
    w_c, w_f = random.normal(size=4) / 20, random.normal(size=20)
    found = rows.problem().objective(torch.from_numpy(w_c)[None], torch.from_numpy(w_f)[None])
    assert float(found) == pytest.approx(rows.objective(w_c, w_f), rel=1e-10)


@pytest.mark.parametrize("inner", [1, 5])
@pytest.mark.parametrize("outer", [1, 2, 7])
@pytest.mark.parametrize("seed", range(3))
def test_every_update_is_the_papers(seed: int, outer: int, inner: int) -> None:
    rows = experiment(seed, mu=0.7)
    state = NestedAdmm(0.3, inner, outer, tolerance=0.0).solve(rows.problem()).state
    c, f = state.coarse, state.fine
    found = c.w, c.m, c.g, f.w, f.m, f.g, state.g
    for mine, slow in zip(found, algorithm_1(rows, 0.3, inner, outer), strict=True):
        np.testing.assert_allclose(mine[0], slow, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("seed", range(8))
def test_optimum_equals_the_eliminated_problem(seed: int) -> None:
    rows = experiment(seed, q=12 + 4 * seed, p=3 + seed % 4, mu=[1.0, 0.3, 3.0][seed % 3])
    fit = NestedAdmm().solve(rows.problem())
    assert fit.converged
    assert float(fit.constraint) < 1e-4
    best = eliminated_optimum(rows)
    assert abs(float(fit.objective) - best) / best < 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_optimum_cannot_be_improved(seed: int) -> None:
    """First-order conditions: some subgradient of the eliminated problem is zero."""
    rows = experiment(seed, q=60, p=6, count=1500)
    problem = rows.problem()
    fit = NestedAdmm().solve(problem)
    w_c, w_f = fit.w_c[0].numpy(), fit.w_f[0].numpy()
    smooth_c = w_c @ problem.gram_c[0].numpy() - problem.r_c[0].numpy()
    smooth_f = w_f @ problem.gram_f[0].numpy() - problem.r_f[0].numpy()
    l_c, l_f = float(problem.lambda_c[0]), float(problem.lambda_f[0])
    low_c = np.where(w_c != 0, np.sign(w_c), -1)
    high_c = np.where(w_c != 0, np.sign(w_c), 1)
    wanted = -(smooth_f + rows.tree @ smooth_c) / l_f  # = s_f + T s_c l_c / l_f
    worst = 0.0
    for j in range(rows.tree.shape[1]):  # one s_c per coarse region must suit all its pieces
        inside = rows.tree[:, j] > 0
        sign = np.sign(w_f[inside])

        def miss(s_c: float, left: np.ndarray = wanted[inside], sign: np.ndarray = sign) -> float:
            s_f = left - s_c * l_c / l_f
            off = np.where(sign != 0, np.abs(s_f - sign), np.maximum(np.abs(s_f) - 1, 0))
            return float(off.max())

        ends = low_c[j], high_c[j]
        found = [miss(s_c) for s_c in ends]
        if ends[0] < ends[1]:  # miss is convex
            options = {"xatol": 1e-12}
            found += [scipy.optimize.minimize_scalar(miss, bounds=ends, options=options).fun]
        worst = max(worst, min(found))
    assert worst < 1e-3


def test_problems_side_by_side_equal_each_alone() -> None:
    rows, solver = [experiment(seed) for seed in range(3)], NestedAdmm()
    alone = [solver.solve(each.problem()) for each in rows]
    shared = Problem.of([each.pair() for each in rows], rows[0].problem().tree, 0.01, 0.02, 1.0)
    beside = solver.solve(shared, alone[0].state.repeated(3))
    for at, each in enumerate(alone):
        for one, other in ((beside.w_f[at], each.w_f[0]), (beside.w_c[at], each.w_c[0])):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_scores_of_nothing_give_no_weights() -> None:
    rows = experiment(0)
    nothing = Rows(**{**vars(rows), "y": np.zeros_like(rows.y)})
    fit = NestedAdmm().solve(nothing.problem())
    assert fit.converged and not fit.w_c.any() and not fit.w_f.any()


def test_a_tolerance_out_of_reach_is_said() -> None:
    fit = NestedAdmm(outer=3).solve(experiment(0).problem())
    assert fit.rounds == 3 and not fit.converged and fit.residual > 1e-7
