"""Total Sobol indices: the share of a score's variance in which each input takes part."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from interp.engine.random import draw_bits

TINY = 1e-30


class Indices(NamedTuple):
    """Total indices of each score (T, R), and their standard errors."""

    values: np.ndarray
    standard_error: np.ndarray


@lru_cache(maxsize=16)
def draw_masks(count: int, rows: int, seed: int, number: int, random: bool = False) -> Tensor:
    """Masks (rows * (R + 2), R) in [0, 1] of set `number`: A, then B, then A with one column of B.

    A and B are the halves of a scrambled Sobol sequence, or of plain `random` numbers; sets with
    other numbers are independent. The last ones are kept, since every image meets the same.
    """
    if random:
        bits = draw_bits(seed, "masks", number, rows * 2 * count)
        drawn = torch.from_numpy((bits.astype(np.float64) + 0.5) / 2**32).reshape(rows, -1)
    else:
        key = int(draw_bits(seed, "scrambling", number, 1)[0])
        drawn = torch.quasirandom.SobolEngine(2 * count, scramble=True, seed=key).draw(rows)
    first, second = drawn.float().split(count, 1)
    mixed = first.repeat(count, 1, 1)  # (R, rows, R)
    each = torch.arange(count)
    mixed[each, :, each] = second.T
    return torch.cat([first, second, mixed.flatten(0, 1)])


def total_indices(scores: Tensor, count: int) -> Indices:
    """Jansen's estimator from scores (S, rows * (R + 2), T) of the masks of S sets, float64.

        S_i = mean (f(A) - f(A with column i of B))^2 / 2 V,    V the variance of f over A and B

    M. J. W. Jansen: Analysis of variance designs for model output, Computer Physics Communications
    1999. Zero where nothing changes the score. Standard errors are the jackknife's over the sets,
    of which there must be two or more.
    """
    sets, _, targets = scores.shape
    parts = scores.double().reshape(sets, count + 2, -1, targets)
    halved = (parts[:, :1] - parts[:, 2:]).square().mean(2) / 2  # (S, R, T)
    base = parts[:, :2].flatten(1, 2)
    moments = torch.stack([base.mean(1), base.square().mean(1)])  # (2, S, T)
    scale = base.square().mean().clamp(min=TINY)

    def estimate(kept: Tensor) -> Tensor:
        mean, square = moments[:, kept].mean(1)
        variance = square - mean.square()
        found = halved[kept].mean(0) / variance.clamp(min=TINY)
        return torch.where(variance > 1e-12 * scale, found, torch.zeros_like(found)).T  # (T, R)

    each = torch.arange(sets)
    without = torch.stack([estimate(each[each != left]) for left in each.tolist()])
    spread = (without - without.mean(0)).square().sum(0) * (sets - 1) / sets
    return Indices(estimate(each).cpu().numpy(), spread.sqrt().cpu().numpy())
