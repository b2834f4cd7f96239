"""The small convex problems that several methods share, for all targets at once, in float64.

Everywhere gram is (R, P, P) with R = 1 or T, b is (T, P) and weights are (T, P); a problem is
min over w of 1/2 w G w^T - b w^T plus what the function adds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solver found: weights (T, P), how well they fit, and how well they are known."""

    weights: Tensor
    r2: Tensor | None = None
    """Centred, on samples the weights were not fitted to, (T,)."""
    standard_error: Tensor | None = None
    residuals: dict[str, float] = field(default_factory=dict)


def soft(values: Tensor, threshold: Tensor | float) -> Tensor:
    """sign(v) max(|v| - t, 0): the proximal step of t |v|."""
    import torch

    size = values.abs() - threshold
    return torch.where(size > 0, size.copysign(values), torch.zeros_like(values))


def lasso_admm(
    gram: Tensor,
    b: Tensor,
    lam: Tensor | float,
    rho: float | None = None,
    iterations: int = 2000,
    tolerance: float = 1e-7,
) -> Tensor:
    """Add lam ||w||_1, lam a number or (T,), by splitting w = m; returns m with its exact zeros.

    Stops when |w - m| and rho |m - m_before| are below the tolerance, relative to |m| and |b|.
    rho None: the Gram's mean diagonal.
    """
    import torch

    gram, b = gram.double(), b.double()
    lam = _column(lam, b)
    penalty = _mean_diagonal(gram) if rho is None else torch.full_like(gram[:, :1, 0], rho)
    factor = _factor(gram, penalty)
    m = u = torch.zeros_like(b)
    for _ in range(iterations):
        w = _solve(factor, b + penalty * (m + u))
        before, m = m, soft(w - u, lam / penalty)
        u = u - (w - m)
        primal = _relative(w - m, m)
        dual = _relative(penalty * (m - before), b)
        if max(primal, dual) < tolerance:
            break
    return m


def lasso_fista(
    gram: Tensor,
    b: Tensor,
    lam: Tensor | float,
    iterations: int = 20000,
    tolerance: float = 1e-9,
) -> Tensor:
    """Add lam ||w||_1 by accelerated proximal gradient, restarted when momentum points uphill."""
    import torch

    gram, b = gram.double(), b.double()
    lam = _column(lam, b)
    slope = torch.linalg.eigvalsh(gram)[:, -1:].clamp_min(1e-300)  # (R, 1)
    w = v = torch.zeros_like(b)
    momentum = torch.ones_like(b[:, :1])
    for _ in range(iterations):
        before, w = w, soft(v - (_times(v, gram) - b) / slope, lam / slope)
        uphill = ((v - w) * (w - before)).sum(1, keepdim=True) > 0
        momentum = torch.where(uphill, torch.ones_like(momentum), momentum)
        following = (1 + (1 + 4 * momentum.square()).sqrt()) / 2
        v = w + (momentum - 1) / following * (w - before)
        momentum = following
        if _relative(slope * (w - before), b) < tolerance:
            break
    return w


def ridge(gram: Tensor, b: Tensor, alpha: Tensor | float) -> Tensor:
    """Add alpha/2 ||w||^2; a tensor (P,) penalises each weight on its own (an intercept by 0)."""
    import torch

    gram, b = gram.double(), b.double()
    penalty = torch.as_tensor(alpha, dtype=b.dtype, device=b.device).expand(b.shape[1])
    return _times(b, torch.linalg.pinv(gram + penalty.diag(), hermitian=True))


def constrained_least_squares(gram: Tensor, b: Tensor, constraint: Tensor, value: Tensor) -> Tensor:
    """Subject to w . constraint = value, constraint (P,) and value (T,).

    With constraint = 1 and value = full - empty score, Shapley's efficiency. Of several solutions
    the shortest.
    """
    import torch

    gram, b = gram.double(), b.double()
    size = _mean_diagonal(gram).unsqueeze(2)  # (R, 1, 1)
    border = constraint.to(gram).expand(len(gram), 1, -1)  # (R, 1, P)
    corner = torch.zeros(len(gram), 1, 1, dtype=gram.dtype, device=gram.device)
    upper = torch.cat([gram / size, border.mT], 2)
    system = torch.cat([upper, torch.cat([border, corner], 2)], 1)  # (R, P + 1, P + 1)
    right = torch.cat([b / size[:, :, 0], value.to(b)[:, None]], 1)  # (T, P + 1)
    return _times(right, torch.linalg.pinv(system, hermitian=True))[:, :-1]


def _column(lam: Tensor | float, b: Tensor) -> Tensor:
    import torch

    return torch.as_tensor(lam, dtype=b.dtype, device=b.device).reshape(-1, 1)


def _mean_diagonal(gram: Tensor) -> Tensor:
    """trace(G) / P, (R, 1); never 0."""
    found = gram.diagonal(dim1=1, dim2=2).mean(1, keepdim=True)
    return found.where(found > 0, found.new_ones(()))


def _factor(gram: Tensor, penalty: Tensor) -> Tensor:
    """Cholesky factor of G + penalty I, (R, P, P)."""
    import torch

    identity = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    factor: Tensor = torch.linalg.cholesky(gram + penalty.unsqueeze(2) * identity)
    return factor


def _solve(factor: Tensor, right: Tensor) -> Tensor:
    """right (T, P) times the factored matrix's inverse; one factor may serve all targets."""
    import torch

    if len(factor) == 1:
        return torch.cholesky_solve(right.mT, factor[0]).mT
    return torch.cholesky_solve(right.unsqueeze(2), factor).squeeze(2)


def _times(rows: Tensor, matrix: Tensor) -> Tensor:
    """Row t times matrix t, or times the only one, (T, P)."""
    if len(matrix) == 1:
        return rows @ matrix[0]
    return (rows.unsqueeze(1) @ matrix).squeeze(1)


def _relative(change: Tensor, scale: Tensor) -> float:
    """The largest change relative to its own row's largest value."""
    size = scale.abs().amax(1).clamp_min(1e-12)
    return float((change.abs().amax(1) / size).max())
