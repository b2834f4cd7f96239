"""Directional derivatives by central finite differences of the scores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

STEPS = {
    torch.float64: tuple(1e-6 / 4**k for k in range(3)),
    torch.float32: tuple(0.03 / 4**k for k in range(6)),
}
"""Step lengths relative to the activation's norm, longest first. In float64 all are short enough to
avoid kinks. In float32, networks of rectifiers need the shortest that rounding allows, and nearly
linear ones the longest."""
ROUNDING_FACTOR = 3
"""Multiple of the expected rounding from which on a difference between steps is real."""
BYTES = {torch.float64: 1 << 23, torch.float32: 1 << 26}
"""Memory for perturbed activations in one pass; convolutions by im2col take many times that."""


def differentiate(
    scores: Callable[[Tensor], Tensor], at: Tensor, directions: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Scores (1, K), their slopes d scores(at + e d_m) / d e at e = 0, and the slopes' errors.

    (scores(at + e d) - scores(at - e d)) / 2e with |e d| a set share of |at|: rounding in the
    activation's dtype grows as 1 / e, kinks and curvature with e. Taken is the longest step from
    which no shorter one differs by more than rounding explains (Lepski's rule). The error is the
    difference to the next shorter step. Slopes and errors are (M, K) float64.
    """
    base = scores(at).double()
    length = directions.flatten(1).double().norm(dim=1).clamp(min=1e-30)  # (M,)
    reach = at.double().norm().clamp(min=1e-12) / length
    steps = STEPS.get(at.dtype, STEPS[torch.float32])
    slopes = torch.stack([_slopes(scores, at, directions, step * reach) for step in steps])
    slopes *= reach.view(-1, 1)  # per share of |at|, so that rounding is the same for all m
    chosen = _choose(slopes, steps, _rounding(base, at.dtype) / steps[-1])
    rows = torch.arange(len(length), device=slopes.device)
    gaps = torch.cat([slopes.diff(dim=0), slopes[-2:].diff(dim=0)]).abs()  # (S, M, K)
    return base, *(each[chosen, rows] / reach.view(-1, 1) for each in (slopes, gaps))


def _rounding(base: Tensor, dtype: torch.dtype) -> Tensor:
    """Least rounding error of scores of this size in a float type, ()."""
    return base.norm() * torch.finfo(dtype).eps / 4


def _choose(slopes: Tensor, steps: tuple[float, ...], least: Tensor) -> Tensor:
    """For each direction the step to take, (M,), of slopes (S, M, K).

    Rounding at the shortest step is `least`, or the average difference to the next if more.
    """
    shortest = (slopes[-1] - slopes[-2]).norm(dim=-1)  # (M,), 0 where a direction is
    shortest = (shortest.sum() / (shortest > 0).sum().clamp(min=1)).clamp(min=least)
    chosen = torch.full(slopes.shape[1:2], len(steps) - 1, device=slopes.device)
    for index in reversed(range(len(steps) - 1)):
        apart = (slopes[index] - slopes[index + 1 :]).norm(dim=-1)  # (shorter steps, M)
        rounding = shortest * steps[-1] / slopes.new_tensor(steps[index + 1 :]).view(-1, 1)
        chosen = torch.where((apart <= ROUNDING_FACTOR * rounding).all(0), index, chosen)
    return chosen


def chain(express: Callable[[Tensor], Tensor], scores: Tensor, slopes: Tensor) -> Tensor:
    """Slopes (M, K) of express(scores), given those of the raw scores (1, K); float64."""
    base = scores.double().expand_as(slopes).contiguous()
    found: Tensor = torch.autograd.functional.jvp(express, base, slopes)[1]
    return found


def _slopes(
    scores: Callable[[Tensor], Tensor], at: Tensor, directions: Tensor, steps: Tensor
) -> Tensor:
    room = BYTES.get(at.dtype, BYTES[torch.float32])
    rows = max(1, min(64, room // max(2 * at.nbytes, 1)))
    shape = (-1, *[1] * (at.dim() - 1))
    slopes = []
    for chosen, step in zip(directions.split(rows), steps.split(rows), strict=True):
        moved = chosen.to(at) * step.view(shape).to(at)  # (R, ...)
        ahead, behind = scores(torch.cat([at + moved, at - moved])).double().chunk(2)
        slopes.append((ahead - behind) / (2 * step.double().view(-1, 1)))
    return torch.cat(slopes)
