"""The lasso of many targets along a path of falling lambda, by pivoting on its support."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from interp.engine.batched import times
from interp.engine.lasso_admm import lasso_by_admm, violation
from interp.lazy_type import Tensor

TOLERANCE = 1e-9
"""The largest violation of optimality that is accepted, relative to lambda."""
ROUNDING = 1e-12
"""Rounding error of a slope that is accepted for any lambda, relative to the largest |b|."""
ROOM = 28
"""A step adds at most so many channels more than the support has."""
STEPS, PATIENCE = 100, 3
"""The most steps for one lambda, and those without progress before steps change one channel."""
HALVINGS = 6
"""How often the way from one lambda to the next may be halved where steps fail."""


def lasso(gram: Tensor, b: Tensor, lam: Tensor | float) -> Tensor:
    """Weights (T, P) that minimise 1/2 w G w^T - b w^T + lam ||w||_1 for lam, a number or (T,).

    gram is (R, P, P) with R = 1 or T, and b is (T, P).
    """
    return lasso_path(gram, b, _column(lam, b.double()).expand(len(b), 1).T)[0]


def lasso_path(gram: Tensor, b: Tensor, lams: Tensor) -> Tensor:
    """The lasso's weights (S, T, P) for each target's falling lambdas (S, T), in float64.

    Each solve starts from the support of the one before. A step solves exactly on the support with
    its signs fixed; then weights that changed their sign leave and channels that violate optimality
    enter, all at once while their number falls, else the last of them alone: block principal
    pivoting (J. Kim, H. Park: Fast Active-set-type Algorithms for L1-regularized Linear Regression,
    AISTATS 2010). Ours is that the support at most doubles in a step, and that large supports are
    solved by what they leave out, with one inverse for the whole path. Targets whose Gram matrix
    is singular on a support are solved by ADMM.
    """
    import torch

    b, lams = b.double(), lams.to(b.device, torch.float64)
    shared = Quadratic(gram[0].double()) if len(gram) == 1 else None
    found = [
        Row(shared or Quadratic(gram[t].double()), own).path(lams[:, t]) for t, own in enumerate(b)
    ]
    return torch.stack(found, 1) if found else b.new_zeros(len(lams), 0, b.shape[1])


def kkt(gram: Tensor, b: Tensor, lam: Tensor | float, weights: Tensor) -> Tensor:
    """The largest violation of the lasso's optimality conditions over channels, (T,).

    Relative to lam, or to the largest |b| where lam is 0.
    """
    gram, b, weights = gram.double(), b.double(), weights.double()
    lam = _column(lam, b)
    scale = lam.where(lam > 0, b.abs().amax(1, keepdim=True)).clamp_min(1e-300)[:, 0]
    return violation(times(weights, gram) - b, lam, weights) / scale


@dataclass(eq=False)
class Quadratic:
    """The quadratic form 1/2 w G w^T; solved on supports."""

    gram: Tensor  # (P, P)

    def times(self, weights: Tensor) -> Tensor:
        """w G, (P,)."""
        (inside,) = weights.nonzero(as_tuple=True)
        if 4 * len(inside) > len(weights):
            return weights @ self.gram
        return weights[inside] @ self.gram[inside]  # reads a part of the memory alone

    def solve(self, right: Tensor, on: Tensor) -> Tensor | None:
        """w (P,) with (w G)_k = right_k where `on` and w_k = 0 elsewhere; None if singular."""
        import torch

        (inside,) = on.nonzero(as_tuple=True)
        if 2 * len(inside) > len(on) and self.inverse is not None:
            return _solve_by_rest(self.inverse, right.masked_fill(~on, 0.0), ~on)
        factor, failed = torch.linalg.cholesky_ex(self.gram[inside][:, inside])
        if failed:
            return None
        found = torch.cholesky_solve(right[inside, None], factor)[:, 0]
        return torch.zeros_like(right).index_copy(0, inside, found)

    @cached_property
    def inverse(self) -> Tensor | None:
        """The inverse of G; None where it is singular."""
        import torch

        factor, failed = torch.linalg.cholesky_ex(self.gram)
        return None if failed else torch.cholesky_inverse(factor)


@dataclass(frozen=True, eq=False)
class Row:
    """The lasso of one target."""

    form: Quadratic
    b: Tensor  # (P,)

    @cached_property
    def top(self) -> float:
        """The largest |b|, and so the smallest lambda without weights."""
        return float(self.b.abs().max())

    def path(self, lams: Tensor) -> Tensor:
        """Weights (S, P) for falling lambdas (S,)."""
        import torch

        found, signs, before = [], torch.zeros_like(self.b), self.top
        for lam in lams.tolist():
            weights = self._follow(signs, before, lam, HALVINGS)
            if weights is None:
                weights = lasso_by_admm(self.form.gram, self.b, lam, self._enough(lam))
            found.append(weights)
            signs, before = weights.sign(), lam
        return torch.stack(found)

    def _follow(self, signs: Tensor, before: float, lam: float, halvings: int) -> Tensor | None:
        """The weights for lam, from the signs for the lambda before; None where steps fail."""
        found = self._pivot(signs, lam)
        if found is not None or not halvings:
            return found
        middle = (before * lam) ** 0.5
        half = self._follow(signs, before, middle, halvings - 1)
        return None if half is None else self._follow(half.sign(), middle, lam, halvings - 1)

    def _pivot(self, signs: Tensor, lam: float) -> Tensor | None:
        """The weights for lam, from a support with its signs; None where steps fail."""
        least, patience, enough = len(signs) + 1, PATIENCE, self._enough(lam)
        for _ in range(STEPS):
            on = signs != 0
            weights = self.form.solve(self.b - lam * signs, on)
            if weights is None:
                return None
            pull = self.b - self.form.times(weights)
            leaves = (weights * signs < 0) & (lam > 0)
            excess = (pull.abs() - lam).masked_fill(on, 0.0)
            enters = excess > enough
            wrong = leaves | enters
            count = int(wrong.sum())
            if not count:
                return self._refined(weights, pull, lam)
            least, patience = (count, PATIENCE) if count < least else (least, patience - 1)
            if patience < 0:
                wrong = wrong & (wrong.cumsum(0) == count)  # the last one alone
            else:
                most = ROOM + int(on.sum())
                if int(enters.sum()) > most:
                    wrong = leaves | (enters & (excess >= excess.topk(most).values[-1]))
            signs = signs.where(~wrong, pull.sign() * enters)
        return None

    def _refined(self, weights: Tensor, pull: Tensor, lam: float) -> Tensor | None:
        """The weights, corrected once where rounding has left too much; None if that is too little.

        pull (P,) is b - w G.
        """
        enough = self._enough(lam)
        if float(violation(-pull, lam, weights)) <= enough:
            return weights
        missed = (pull - lam * weights.sign()).masked_fill(weights == 0, 0.0)
        change = self.form.solve(missed, weights != 0)
        if change is None:
            return None
        weights = weights + change
        slope = self.form.times(weights) - self.b
        return weights if float(violation(slope, lam, weights)) <= enough else None

    def _enough(self, lam: float) -> float:
        """The violation of optimality that is accepted."""
        return TOLERANCE * (lam if lam > 0 else self.top) + ROUNDING * self.top


def _solve_by_rest(inverse: Tensor, right: Tensor, off: Tensor) -> Tensor | None:
    """`Quadratic.solve` by G's inverse H: w = (right - m) H, m such that w is 0 where `off`."""
    import torch

    free, (outside,) = right @ inverse, off.nonzero(as_tuple=True)
    rows = inverse[outside]
    factor, failed = torch.linalg.cholesky_ex(rows[:, outside])
    if failed:
        return None
    m = torch.cholesky_solve(free[outside, None], factor)[:, 0]
    return (free - m @ rows).masked_fill(off, 0.0)


def _column(lam: Tensor | float, b: Tensor) -> Tensor:
    import torch

    return torch.as_tensor(lam, dtype=b.dtype, device=b.device).reshape(-1, 1)
