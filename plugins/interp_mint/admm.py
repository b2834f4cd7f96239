"""The nested ADMM that solves MINT's coupled problem (Algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp.engine.batched import mean_diagonal, times
from interp.engine.solve import soft
from interp_mint.problem import Problem

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Split:
    """One scale's variables: weights w, their sparse copy m, the scaled multiplier g of w = m."""

    w: Tensor
    m: Tensor
    g: Tensor

    def repeated(self, count: int) -> Split:
        """The same for `count` problems at once."""
        return Split(*(each.expand(count, -1) for each in (self.w, self.m, self.g)))


@dataclass(frozen=True, eq=False)
class State:
    """The variables of Algorithm 1; g (F, p) is the scaled multiplier of w_f T = w_c."""

    coarse: Split
    fine: Split
    g: Tensor

    @classmethod
    def zero(cls, problem: Problem) -> State:
        """Where a solve starts by default."""
        c, f = problem.r_c.new_zeros(problem.r_c.shape), problem.r_f.new_zeros(problem.r_f.shape)
        return cls(Split(c, c, c), Split(f, f, f), c)

    def repeated(self, count: int) -> State:
        """The same for `count` problems whose solutions are near."""
        coarse, fine = self.coarse.repeated(count), self.fine.repeated(count)
        return State(coarse, fine, self.g.expand(count, -1))


@dataclass(frozen=True, eq=False)
class AdmmResult:
    """Sparse weights w_c (F, p) and w_f (F, q), and how well they solve the problem."""

    w_c: Tensor
    w_f: Tensor
    objective: Tensor
    constraint: Tensor
    """max |w_f T - w_c| / max |w_c|, (F,)."""
    rounds: int
    residual: float
    """The largest of the primal and dual residuals."""
    converged: bool
    state: State


@dataclass(frozen=True)
class NestedAdmm:
    """Algorithm 1: a coarse and a fine ADMM in turn, then the multiplier that ties them.

    The paper gives no penalties and no stopping rule. Ours: each penalty is `penalty` times the
    mean diagonal of its own Gram, the coupling's their geometric mean, so that the units of the
    pooled features do not matter; both primal and dual residuals must pass the tolerance, since
    a large penalty makes the primal ones small far from the optimum.
    """

    penalty: float = 0.1
    inner: int = 5
    outer: int = 2000
    tolerance: float = 1e-7

    def solve(self, problem: Problem, state: State | None = None) -> AdmmResult:
        """The optimum; the iteration starts from `state`, by default from zero."""
        p, tree = problem, problem.tree
        rho_c = self.penalty * mean_diagonal(p.gram_c)
        rho_f = self.penalty * p.mu * mean_diagonal(p.gram_f)
        lam = (rho_c * rho_f).sqrt() * float(p.coupled)  # (F, 1)
        coarse = _Scale.of(p.gram_c, lam[:, :, None] * _eye(p.gram_c), rho_c, p.lambda_c)
        fine = _Scale.of(p.mu * p.gram_f, lam[:, :, None] * (tree @ tree.T), rho_f, p.lambda_f)
        now = state or State.zero(p)
        rounds, residual = 0, 0.0
        while rounds < self.outer:
            rounds += 1
            before = now
            right = p.r_c + lam * (now.fine.w @ tree - now.g)
            c = coarse.descend(right, now.coarse, self.inner)
            right = p.mu * p.r_f + lam * ((c.w + now.g) @ tree.T)
            f = fine.descend(right, now.fine, self.inner)
            apart = (f.w @ tree - c.w) * float(p.coupled)
            now = State(c, f, now.g - apart)  # Eq. 42
            dual = _relative(lam * (c.w - before.coarse.w), p.r_c)
            primal = _relative(apart, coarse.size(p.r_c, c))
            own = coarse.residual(p.r_c, before.coarse, c)
            residual = max(dual, primal, own, fine.residual(p.mu * p.r_f, before.fine, f))
            if residual < self.tolerance:
                break
        w_c, w_f = now.coarse.m, now.fine.m
        return AdmmResult(
            w_c=w_c,
            w_f=w_f,
            objective=p.objective(w_c, w_f),
            constraint=(w_f @ tree - w_c).abs().amax(1) / _largest(w_c),
            rounds=rounds,
            residual=residual,
            converged=residual < self.tolerance,
            state=now,
        )


@dataclass(frozen=True, eq=False)
class _Scale:
    """One scale's inner ADMM, its matrix inverted once."""

    inverse: Tensor  # (F, n, n)
    rho: Tensor  # (F, 1)
    threshold: Tensor  # (F, 1)
    diagonal: Tensor  # (F, 1)

    @classmethod
    def of(cls, gram: Tensor, coupling: Tensor, rho: Tensor, sparsity: Tensor) -> _Scale:
        import torch

        matrix = gram + coupling + rho[:, :, None] * _eye(gram)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(matrix))
        return cls(inverse, rho, sparsity[:, None] / rho, mean_diagonal(gram))

    def descend(self, right: Tensor, at: Split, inner: int) -> Split:
        """`inner` rounds of the scale's own ADMM; `right` is the linear term."""
        w, m, g = at.w, at.m, at.g
        for _ in range(inner):
            w = times(right + self.rho * (m + g), self.inverse)  # Eq. 28, 38
            m = soft(w - g, self.threshold)  # Eq. 30, 40
            g = g - (w - m)  # Eq. 31, 41
        return Split(w, m, g)

    def size(self, r: Tensor, at: Split) -> Tensor:
        """What changes of a weight are relative to, not 0 even where all weights are, (F, n)."""
        return at.w.abs().maximum(1e-3 * r.abs().amax(1, keepdim=True) / self.diagonal)

    def residual(self, r: Tensor, before: Split, at: Split) -> float:
        """The larger of the primal and the dual residual of w = m."""
        dual = _relative(self.rho * (at.m - before.m), r)
        return max(dual, _relative(at.w - at.m, self.size(r, at)))


def _eye(gram: Tensor) -> Tensor:
    import torch

    return torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)


def _largest(values: Tensor) -> Tensor:
    return values.abs().amax(1).clamp_min(1e-12)


def _relative(change: Tensor, scale: Tensor) -> float:
    """The largest change relative to its own row's largest value."""
    return float((change.abs().amax(1) / _largest(scale)).max())
