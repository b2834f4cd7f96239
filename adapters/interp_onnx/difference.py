"""Directional derivatives without gradients: central differences of the scores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

STEPS = tuple(0.03 / 4**k for k in range(6))
"""Lengths of the steps, relative to the activation's. Networks of rectifiers, with kinks
everywhere, need the shortest that float32 allows; nearly linear rests the longest."""
ROWS = 1 << 26
"""Bytes of perturbed activations in one pass."""


def differentiate(
    scores: Callable[[Tensor], Tensor], at: Tensor, directions: Tensor
) -> tuple[Tensor, Tensor]:
    """d scores(at + e d_m) / d e at e = 0, and its estimated error, both (M, K) float64.

    (scores(at + e d) - scores(at - e d)) / 2e with |e d| a set share of |at|: float32 rounding
    grows as 1 / e, kinks and curvature with e. Taken is the longest step from which no shorter
    one differs by more than rounding explains (Lepski's rule); rounding is what the two
    shortest differ by, scaled by 1 / e. The error is the difference to the next shorter step.
    """
    length = directions.flatten(1).float().norm(dim=1).clamp(min=1e-30)  # (M,)
    reach = at.float().norm().clamp(min=1e-12) / length
    slopes = torch.stack([_slopes(scores, at, directions, step * reach) for step in STEPS])
    steps = slopes.new_tensor(STEPS).view(-1, 1)
    rounding = (slopes[-1] - slopes[-2]).norm(dim=-1) * STEPS[-1] / steps  # (S, M)
    chosen = torch.full_like(length, len(STEPS) - 1, dtype=torch.long)
    for index in reversed(range(len(STEPS) - 1)):
        apart = (slopes[index] - slopes[index + 1 :]).norm(dim=-1)  # (shorter, M)
        fits = (apart <= 2 * rounding[index + 1 :]).all(0)
        chosen = torch.where(fits, index, chosen)
    rows = torch.arange(len(length), device=slopes.device)
    gaps = torch.cat([slopes.diff(dim=0), slopes[-2:].diff(dim=0)]).abs()  # (S, M, K)
    return slopes[chosen, rows], gaps[chosen, rows]


def chain(express: Callable[[Tensor], Tensor], scores: Tensor, slopes: Tensor) -> Tensor:
    """Slopes (M, K) of raw scores (1, K) as those of what `express` makes of them; float64."""
    base = scores.double().expand_as(slopes).contiguous()
    return torch.func.jvp(express, (base,), (slopes,))[1]


def _slopes(
    scores: Callable[[Tensor], Tensor], at: Tensor, directions: Tensor, steps: Tensor
) -> Tensor:
    rows = max(1, min(64, ROWS // max(2 * at.nbytes, 1)))
    shape = (-1, *[1] * (at.dim() - 1))
    slopes = []
    for chosen, step in zip(directions.split(rows), steps.split(rows), strict=True):
        moved = chosen.float() * step.view(shape)  # (R, ...)
        ahead, behind = scores(torch.cat([at + moved, at - moved])).double().chunk(2)
        slopes.append((ahead - behind) / (2 * step.double().view(-1, 1)))
    return torch.cat(slopes)
