"""Solvers of the small convex problems that methods share, for all targets at once, in float64.

Everywhere gram is (R, P, P) with R = 1 or T, b is (T, P) and weights are (T, P); a problem is
min over w of 1/2 w G w^T - b w^T plus what the function adds.
"""

from __future__ import annotations

from dataclasses import dataclass

from interp.engine.batched import mean_diagonal, soft, times
from interp.engine.lasso import kkt, lasso, lasso_path
from interp.lazy_type import Tensor

__all__ = [
    "Solution", "constrained_least_squares", "kkt", "lasso", "lasso_path", "ridge", "soft",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Solution:
    """A solver's weights (T, P), how well they fit, and their uncertainty."""

    weights: Tensor
    r2: Tensor | None = None
    """Centred R^2 on samples that the weights were not fitted to, (T,)."""
    standard_error: Tensor | None = None
    """Of the weights, (T, P)."""


def ridge(gram: Tensor, b: Tensor, alpha: Tensor | float) -> Tensor:
    """Add alpha/2 ||w||^2. A tensor (P,) penalises each weight by its own alpha (intercept: 0)."""
    import torch

    gram, b = gram.double(), b.double()
    penalty = torch.as_tensor(alpha, dtype=b.dtype, device=b.device).expand(b.shape[1])
    return times(b, torch.linalg.pinv(gram + penalty.diag(), hermitian=True))


def constrained_least_squares(gram: Tensor, b: Tensor, constraint: Tensor, value: Tensor) -> Tensor:
    """Subject to w . constraint = value, constraint (P,) and value (T,).

    With constraint = 1 and value = full - empty score this is Shapley's efficiency. Of several
    solutions it is the shortest.
    """
    import torch

    gram, b = gram.double(), b.double()
    size = mean_diagonal(gram).unsqueeze(2)  # (R, 1, 1)
    border = constraint.to(gram).expand(len(gram), 1, -1)  # (R, 1, P)
    corner = torch.zeros(len(gram), 1, 1, dtype=gram.dtype, device=gram.device)
    upper = torch.cat([gram / size, border.mT], 2)
    system = torch.cat([upper, torch.cat([border, corner], 2)], 1)  # (R, P + 1, P + 1)
    right = torch.cat([b / size[:, :, 0], value.to(b)[:, None]], 1)  # (T, P + 1)
    return times(right, torch.linalg.pinv(system, hermitian=True))[:, :-1]
