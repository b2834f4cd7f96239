"""The lasso by ADMM on working sets of channels: slow, and it takes collinear channels."""

from __future__ import annotations

from interp.engine.batched import mean_diagonal, soft, times
from interp.lazy_type import Tensor

ROOM = 28
"""The least number of channels with weight 0 in a lasso's working set."""
STEPS = 20
"""ADMM steps on a working set; more after every eight working sets."""


def lasso_by_admm(
    gram: Tensor, b: Tensor, lam: Tensor, enough: Tensor, rounds: int = 100
) -> Tensor:
    """The lasso's weights (T, P) for lam (T, 1), to a `violation` of `enough` (T,).

    Each target's working set holds its non-zero channels and those that violate optimality most.
    A round takes a few ADMM steps there, solves exactly on the support they leave, and checks every
    channel to choose the next set.
    """
    import torch

    weights, slope = torch.zeros_like(b), -b
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
        slope[todo] = times(found, rows) - b[todo]
        worst = violation(slope[todo], lam[todo], weights[todo])
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

    penalty = 0.3 * mean_diagonal(gram)  # the fastest of .1, .3 and 1 on channels
    dual = slope.clamp(-lam, lam) / penalty  # its value at the optimum: a warm start
    m = _admm(gram, b, lam, penalty, start, dual, steps)
    on = (m != 0).to(b)
    system = gram * on.unsqueeze(1) * on.unsqueeze(2) + torch.diag_embed(1 - on)
    factor = torch.linalg.cholesky_ex(system).L
    exact = torch.cholesky_solve((on * b - lam * m.sign()).unsqueeze(2), factor).squeeze(2)
    after, before = (violation(times(w, gram) - b, lam, w) for w in (exact, m))
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
        w = times(b + penalty * (m + u), inverse)
        m = soft(w - u, lam / penalty)
        u = u - (w - m)
    return m


def violation(slope: Tensor, lam: Tensor, weights: Tensor) -> Tensor:
    """The largest violation of the lasso's optimality conditions, (T,); slope is w G - b."""
    on = (slope + lam * weights.sign()).abs()
    off = (slope.abs() - lam).clamp_min(0)
    return on.where(weights != 0, off).amax(1)
