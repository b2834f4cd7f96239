"""The lasso of one target by ADMM on working sets: slow, and it takes collinear channels."""

from __future__ import annotations

from interp.engine.batched import mean_diagonal, soft
from interp.lazy_type import Tensor

ROOM = 28
"""The least number of channels with weight 0 in a working set."""
STEPS = 20
"""ADMM steps on a working set; more after every eight working sets."""


def lasso_by_admm(gram: Tensor, b: Tensor, lam: float, enough: float, rounds: int = 100) -> Tensor:
    """Weights (P,) for gram (P, P) and b (P,), to a `violation` of `enough`, or after `rounds`.

    The working set holds the non-zero channels and those that violate optimality most. A round
    takes a few ADMM steps there, solves exactly on the support they leave, and checks every channel
    to choose the next set.
    """
    import torch

    weights, slope = torch.zeros_like(b), -b
    for number in range(1, rounds + 1):
        on = weights != 0
        used = int(on.sum())
        size = min(used + max(ROOM, used // 2), len(b))
        chosen = slope.abs().masked_fill(on, torch.inf).topk(size).indices  # (m,)
        rows = gram[chosen]  # (m, P)
        steps = STEPS * (1 + number // 8)
        start, pulled = weights[chosen], slope[chosen]
        found = _restricted(rows[:, chosen], b[chosen], lam, start, pulled, steps)
        weights = torch.zeros_like(b).index_copy(0, chosen, found)
        slope = found @ rows - b
        if float(violation(slope, lam, weights)) <= enough:
            break
    return weights


def _restricted(
    gram: Tensor, b: Tensor, lam: float, start: Tensor, slope: Tensor, steps: int
) -> Tensor:
    """Some ADMM steps from weights and slopes (m,), then an exact solve on their support.

    Returns the steps' own weights where the exact ones are no better: a sign was wrong, or
    channels are collinear.
    """
    import torch

    penalty = 0.3 * mean_diagonal(gram)  # the fastest of .1, .3 and 1 on channels
    dual = slope.clamp(-lam, lam) / penalty  # its value at the optimum: a warm start
    m = _admm(gram, b, lam, penalty, start, dual, steps)
    on = (m != 0).to(b)
    system = gram * on * on[:, None] + torch.diag(1 - on)
    factor = torch.linalg.cholesky_ex(system).L
    exact = torch.cholesky_solve((on * b - lam * m.sign())[:, None], factor)[:, 0]
    after, before = (violation(w @ gram - b, lam, w) for w in (exact, m))
    return exact if after <= before else m


def _admm(
    gram: Tensor, b: Tensor, lam: float, penalty: Tensor, m: Tensor, u: Tensor, steps: int
) -> Tensor:
    """m after some steps of the split w = m, from m and the scaled dual u, both (m,)."""
    import torch

    identity = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram + penalty * identity))
    for _ in range(steps):
        w = (b + penalty * (m + u)) @ inverse
        m = soft(w - u, lam / penalty)
        u = u - (w - m)
    return m


def violation(slope: Tensor, lam: Tensor | float, weights: Tensor) -> Tensor:
    """The largest violation of the lasso's optimality conditions, (...); slope is w G - b."""
    on = (slope + lam * weights.sign()).abs()
    off = (slope.abs() - lam).clamp_min(0)
    return on.where(weights != 0, off).amax(-1)
