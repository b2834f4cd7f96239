"""Solvers of the small convex problems that methods share, for all targets at once, in float64.

Everywhere gram is (R, P, P) with R = 1 or T, b is (T, P) and weights are (T, P); a problem is
min over w of 1/2 w G w^T - b w^T plus what the function adds.
"""

from __future__ import annotations

from dataclasses import dataclass

from interp.lazy_type import Tensor

BLOCK = 1 << 24
"""The most entries of Gram matrices that are worked on together; bounds the memory."""
ROOM = 28
"""The least number of channels with weight 0 in a lasso's working set."""
STEPS = 20
"""ADMM steps on a working set; more after every eight working sets."""
ROUNDING = 1e-12
"""Rounding error of a slope that is accepted for any lambda, relative to the largest |b|."""


@dataclass(frozen=True, eq=False)
class Solution:
    """A solver's weights (T, P), how well they fit, and their uncertainty."""

    weights: Tensor
    r2: Tensor | None = None
    """Centred R^2 on samples that the weights were not fitted to, (T,)."""
    standard_error: Tensor | None = None
    """Of the weights, (T, P)."""


def soft(values: Tensor, threshold: Tensor | float) -> Tensor:
    """sign(v) max(|v| - t, 0): the proximal step of t |v|."""
    size = values.abs() - threshold
    return size.copysign(values).where(size > 0, values.new_zeros(()))


def lasso(
    gram: Tensor, b: Tensor, lam: Tensor | float, tolerance: float = 1e-9, rounds: int = 100
) -> Tensor:
    """Add lam ||w||_1, lam a number or (T,), by ADMM on a working set of channels.

    Each target's working set holds its non-zero channels and those that violate optimality most.
    A round takes a few ADMM steps there, solves exactly on the support they leave, and checks every
    channel to choose the next set. It ends when `kkt` is below the tolerance, or after `rounds`.
    Fast where few weights are not 0. Targets are solved in blocks, so that memory stays bounded.
    """
    import torch

    lam = _column(lam, b.double()).expand(len(b), 1)
    at_once = max(1, BLOCK // b.shape[1] ** 2)
    found = []
    for start in range(0, len(b), at_once):
        here = slice(start, start + at_once)
        own = (gram if len(gram) == 1 else gram[here]).double()
        found.append(_lasso_block(own, b[here].double(), lam[here], tolerance, rounds))
    return torch.cat(found)


def kkt(gram: Tensor, b: Tensor, lam: Tensor | float, weights: Tensor) -> Tensor:
    """The largest violation of the lasso's optimality conditions over channels, (T,).

    Relative to lam, or to the largest |b| where lam is 0.
    """
    gram, b, weights = gram.double(), b.double(), weights.double()
    lam = _column(lam, b)
    return _violation(_times(weights, gram) - b, lam, weights) / _scale(lam, b)[:, 0]


def ridge(gram: Tensor, b: Tensor, alpha: Tensor | float) -> Tensor:
    """Add alpha/2 ||w||^2. A tensor (P,) penalises each weight by its own alpha (intercept: 0)."""
    import torch

    gram, b = gram.double(), b.double()
    penalty = torch.as_tensor(alpha, dtype=b.dtype, device=b.device).expand(b.shape[1])
    return _times(b, torch.linalg.pinv(gram + penalty.diag(), hermitian=True))


def constrained_least_squares(gram: Tensor, b: Tensor, constraint: Tensor, value: Tensor) -> Tensor:
    """Subject to w . constraint = value, constraint (P,) and value (T,).

    With constraint = 1 and value = full - empty score this is Shapley's efficiency. Of several
    solutions it is the shortest.
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


def _lasso_block(gram: Tensor, b: Tensor, lam: Tensor, tolerance: float, rounds: int) -> Tensor:
    """`lasso` of some targets at once; lam (T, 1)."""
    import torch

    weights, slope = torch.zeros_like(b), -b
    enough = tolerance * _scale(lam, b)[:, 0] + ROUNDING * b.abs().amax(1)
    todo = torch.arange(len(b), device=b.device)
    for number in range(1, rounds + 1):
        w, pull = weights[todo], slope[todo]
        used = int((w != 0).sum(1).max())
        size = min(used + max(ROOM, used // 2), b.shape[1])
        chosen = pull.abs().masked_fill(w != 0, torch.inf).topk(size, 1).indices  # (t, m)
        rows = gram[(todo % len(gram))[:, None], chosen]  # (t, m, P)
        inner = rows.gather(2, chosen[:, None].expand(-1, size, -1))  # (t, m, m)
        right, start, pulled = (each.gather(1, chosen) for each in (b[todo], w, pull))
        found = _restricted(inner, right, lam[todo], start, pulled, STEPS * (1 + number // 8))
        weights[todo] = torch.zeros_like(w).scatter(1, chosen, found)
        slope[todo] = _times(found, rows) - b[todo]
        worst = _violation(slope[todo], lam[todo], weights[todo])
        todo = todo[worst > enough[todo]]
        if not len(todo):
            break
    return weights


def _restricted(
    gram: Tensor, b: Tensor, lam: Tensor, start: Tensor, slope: Tensor, steps: int
) -> Tensor:
    """Some ADMM steps from weights and slopes (T, m), then an exact solve on their support.

    Returns the steps' own weights where the exact ones are no better: a sign was wrong, or
    channels are collinear.
    """
    import torch

    penalty = 0.3 * _mean_diagonal(gram)  # the fastest of .1, .3 and 1 on channels
    dual = slope.clamp(-lam, lam) / penalty  # its value at the optimum: a warm start
    m = _admm(gram, b, lam, penalty, start, dual, steps)
    on = (m != 0).to(b)
    system = gram * on.unsqueeze(1) * on.unsqueeze(2) + torch.diag_embed(1 - on)
    factor = torch.linalg.cholesky_ex(system).L
    exact = torch.cholesky_solve((on * b - lam * m.sign()).unsqueeze(2), factor).squeeze(2)
    after, before = (_violation(_times(w, gram) - b, lam, w) for w in (exact, m))
    return torch.where((after <= before).unsqueeze(1), exact, m)


def _admm(
    gram: Tensor, b: Tensor, lam: Tensor, penalty: Tensor, m: Tensor, u: Tensor, steps: int
) -> Tensor:
    """m after some steps of the split w = m, from m and the scaled dual u, both (T, P)."""
    import torch

    identity = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    factor = torch.linalg.cholesky(gram + penalty.unsqueeze(2) * identity)
    inverse = torch.cholesky_inverse(factor)  # (R, P, P)
    for _ in range(steps):
        w = _times(b + penalty * (m + u), inverse)
        m = soft(w - u, lam / penalty)
        u = u - (w - m)
    return m


def _violation(slope: Tensor, lam: Tensor, weights: Tensor) -> Tensor:
    """The largest violation of the lasso's optimality conditions, (T,); slope is w G - b."""
    on = (slope + lam * weights.sign()).abs()
    off = (slope.abs() - lam).clamp_min(0)
    return on.where(weights != 0, off).amax(1)


def _scale(lam: Tensor, b: Tensor) -> Tensor:
    """lam, or where it is 0 the largest |b|, (T, 1); never 0."""
    return lam.where(lam > 0, b.abs().amax(1, keepdim=True)).clamp_min(1e-300)


def _column(lam: Tensor | float, b: Tensor) -> Tensor:
    import torch

    return torch.as_tensor(lam, dtype=b.dtype, device=b.device).reshape(-1, 1)


def _mean_diagonal(gram: Tensor) -> Tensor:
    """trace(G) / P, (R, 1); never 0."""
    found = gram.diagonal(dim1=1, dim2=2).mean(1, keepdim=True)
    return found.where(found > 0, found.new_ones(()))


def _times(rows: Tensor, matrix: Tensor) -> Tensor:
    """Row t times matrix t, or times the only one, (T, P)."""
    if len(matrix) == 1:
        return rows @ matrix[0]
    return (rows.unsqueeze(1) @ matrix).squeeze(1)
