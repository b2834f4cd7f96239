"""Removed pixels filled in from their neighbours, so that a hole has no edge to be seen by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

COARSEST = 16
"""Pixels of a side from which on a coarser picture begins the search."""
STEPS = 400


def impute(pixels: Tensor, removed: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Pictures (B, 3, h, w) of `pixels` (3, h, w) or (B, 3, h, w) with `removed` (B, h, w) bool
    replaced by the solution of sum_j w_ij (x_j - x_i) = 0.

    j are the neighbours, w 1/6 beside and 1/12 across a corner. Solved by conjugate gradients for
    all pictures at once, begun from the same problem at half the size.
    """
    gone = removed.unsqueeze(1)  # (B, 1, h, w)
    whole = pixels.expand(len(gone), 3, *gone.shape[2:])
    guess = whole.masked_fill(gone, 0.0)
    if min(gone.shape[2:]) > COARSEST:
        guess = guess + _coarse(guess, gone, tolerance) * gone
    degree = around(gone.new_ones(1, 1, *gone.shape[2:]).to(pixels.dtype))

    def apply(x: Tensor) -> Tensor:
        return (degree * x - around(x)) * gone

    residual = -apply(guess)
    direction = residual / degree
    power = _dot(residual, direction)
    for _ in range(STEPS):
        if float(residual.abs().amax()) <= tolerance:
            break
        image = apply(direction)
        step = power / _dot(direction, image).clamp_min(1e-30)
        guess = guess + step * direction
        residual = residual - step * image
        scaled = residual / degree
        before, power = power, _dot(residual, scaled)
        direction = scaled + power / before.clamp_min(1e-30) * direction
    return guess


def around(x: Tensor) -> Tensor:
    """Each pixel's neighbours, weighed and added, (B, C, h, w); there are none outside."""
    wide = functional.pad(x, (1, 1, 1, 1))
    rows = wide[..., :-2, :] + 2 * wide[..., 1:-1, :] + wide[..., 2:, :]
    total = rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]
    return (total - 4 * x) / 12


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """Of each picture's channels, (B, 3, 1, 1)."""
    return (first * second).sum((2, 3), keepdim=True)


def _coarse(known: Tensor, gone: Tensor, tolerance: float) -> Tensor:
    """The same problem at half the size, solved and brought back, (B, 3, h, w)."""
    share = functional.avg_pool2d((~gone).to(known.dtype), 2, ceil_mode=True)
    mean = functional.avg_pool2d(known, 2, ceil_mode=True) / share.clamp_min(1e-6)
    small = impute(mean, (share == 0).squeeze(1), tolerance)
    return functional.interpolate(small, known.shape[2:], mode="bilinear", align_corners=False)
