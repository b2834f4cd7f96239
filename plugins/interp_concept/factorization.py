"""Factorisation of activations into few directions with non-negative coefficients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from interp.engine.random import draw_bits

STEPS, SETTLED = 2000, 1e-8
"""Most sweeps, and the relative change of the squared error at which they end."""
SWEEPS, STILL = 1000, 1e-6
"""The same for coefficients alone, their largest change relative to the largest one."""
MIXED = 5
"""Rows whose mean is a direction to begin with."""
ROUNDING = 1e-6
"""Rows and directions below this share of the largest one's length are taken for zero."""
TINY = 1e-30


class Factors(NamedTuple):
    """Coefficients U (N, R) >= 0 and directions W (R, C) of length 1, so that A is nearly U W."""

    coefficients: Tensor
    bank: Tensor


def factorise(values: Tensor, count: int, seed: int) -> Factors:
    """Minimise ||A - U W||^2 for A (N, C), with U >= 0, and W >= 0 where no entry of A is negative.

    Hierarchical alternating least squares: every column of U and row of W in turn takes its best
    value, the others held. A. Cichocki, A.-H. Phan: Fast Local Algorithms for Large Scale
    Nonnegative Matrix and Tensor Factorizations, IEICE Trans. 2009. With a free W it is the
    semi-NMF of C. Ding, T. Li, M. I. Jordan, TPAMI 2010. Directions begin as means of a few rows,
    drawn by the seed; one that ends hardly used gives way to what is left
    of the row that is rebuilt worst.
    """
    values = values.double()
    signed = bool((values < 0).any())
    bank = _start(values, count, seed)
    coefficients = encode(values, bank)
    total, before = float(values.square().sum()), np.inf
    for _ in range(STEPS):
        _improve(bank.T, coefficients.T @ coefficients, values.T @ coefficients, signed)
        gram, cross = bank @ bank.T, values @ bank.T
        _improve(coefficients, gram, cross)
        error = total - float((2 * cross - coefficients @ gram).mul(coefficients).sum())
        if abs(before - error) <= SETTLED * max(total, TINY) and not _replace(
            bank, coefficients, values, signed
        ):
            break
        before = error
    length = bank.norm(dim=1)
    return Factors(coefficients * length, bank / length.clamp(min=TINY)[:, None])


def encode(values: Tensor, bank: Tensor) -> Tensor:
    """The coefficients U >= 0 (N, R) that minimise ||A - U W||^2 for a given W (R, C), float64."""
    values, bank = values.double(), bank.to(values.device).double()
    gram, cross = bank @ bank.T, values @ bank.T
    found = (cross @ torch.linalg.pinv(gram, hermitian=True)).clamp(min=0)  # close to the answer
    for _ in range(SWEEPS):
        before = found.clone()
        _improve(found, gram, cross)
        if float((found - before).abs().max()) <= STILL * float(found.abs().max()):
            break
    return found


def _improve(factor: Tensor, gram: Tensor, cross: Tensor, free: bool = False) -> None:
    """Each column of a factor (N, R) in turn at its best, in place; below 0 only where `free`."""
    for at in range(factor.shape[1]):
        if gram[at, at] > TINY:  # a direction that nothing uses stays as it is
            best = factor[:, at] + (cross[:, at] - factor @ gram[:, at]) / gram[at, at]
            factor[:, at] = best if free else best.clamp(min=0)


def _replace(bank: Tensor, coefficients: Tensor, values: Tensor, signed: bool) -> bool:
    """Whether the least used direction gives way to the rest of the row that is rebuilt worst.

    It does where it carries less of the squared sum than this row's rest, which alone can be
    gained: so the error falls.
    """
    used = coefficients.norm(dim=0) * bank.norm(dim=1)
    at = int(used.argmin())
    rest = values - coefficients @ bank
    gained = rest if signed else rest.clamp(min=0)
    size, largest = gained.norm(dim=1), float(values.norm(dim=1).max())
    worst = int(size.argmax())
    if size[worst] <= max(float(used[at]), ROUNDING * largest):
        return False
    bank[at], coefficients[:, at] = gained[worst], 0
    coefficients[:, at] = encode(values - coefficients @ bank, bank[[at]])[:, 0]
    return True


def _start(values: Tensor, count: int, seed: int) -> Tensor:
    """Means of a few rows that are not zero but for rounding, (R, C)."""
    size = values.norm(dim=1)
    rows = values[size > ROUNDING * size.max()]
    if not len(rows):
        return values.new_zeros(count, values.shape[1])
    drawn = draw_bits(seed, "directions", 0, count * MIXED).astype(np.int64) % len(rows)
    chosen = torch.from_numpy(drawn).to(values.device)
    return rows[chosen].reshape(count, MIXED, -1).mean(1)
