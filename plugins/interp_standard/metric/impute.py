"""Noise-free linear imputation: removed pixels are interpolated from their neighbours (ROAD)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

COARSEST = 16
"""Side in pixels above which the solution of the picture at half the size is the first guess."""
STEPS = 400
"""Most steps of conjugate gradients."""


def impute(pixels: Tensor, removed: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Pixels (3, h, w) or (B, 3, h, w) with the `removed` ones (B, h, w) imputed, (B, 3, h, w).

    A removed pixel x_i solves sum_j w_ij (x_j - x_i) = 0 over its neighbours j, w 1/6 beside and
    1/12 across a corner (Y. Rong et al.: ROAD, ICML 2022). Solved by conjugate gradients
    for all pictures at once, starting from the same problem at half the size.
    """
    gone = removed.unsqueeze(1)  # (B, 1, h, w)
    whole = pixels.expand(len(gone), *pixels.shape[-3:])
    guess = whole.masked_fill(gone, 0.0)
    if min(gone.shape[2:]) > COARSEST:
        guess = guess + _coarse(guess, gone, tolerance) * gone
    degree = neighbour_sum(gone.new_ones(1, 1, *gone.shape[2:]).to(pixels.dtype))

    def apply(x: Tensor) -> Tensor:
        return (degree * x - neighbour_sum(x)) * gone

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


def neighbour_sum(x: Tensor) -> Tensor:
    """Weighted sum of each pixel's neighbours, (B, C, h, w); pixels outside count as 0."""
    wide = functional.pad(x, (1, 1, 1, 1))
    rows = wide[..., :-2, :] + 2 * wide[..., 1:-1, :] + wide[..., 2:, :]
    total = rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]
    return (total - 4 * x) / 12


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """Inner product of each channel, (B, 3, 1, 1)."""
    return (first * second).sum((2, 3), keepdim=True)


def _coarse(pixels: Tensor, gone: Tensor, tolerance: float) -> Tensor:
    """The solution at half the size, enlarged, (B, 3, h, w)."""
    share = functional.avg_pool2d((~gone).to(pixels.dtype), 2, ceil_mode=True)
    mean = functional.avg_pool2d(pixels, 2, ceil_mode=True) / share.clamp_min(1e-6)
    small = impute(mean, (share == 0).squeeze(1), tolerance)
    return functional.interpolate(small, pixels.shape[2:], mode="bilinear", align_corners=False)
