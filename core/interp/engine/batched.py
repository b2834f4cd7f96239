"""Linear algebra of the solvers, where all targets share one Gram matrix or have one each."""

from __future__ import annotations

from interp.lazy_type import Tensor


def soft(values: Tensor, threshold: Tensor | float) -> Tensor:
    """sign(v) max(|v| - t, 0): the proximal step of t |v|."""
    size = values.abs() - threshold
    return size.copysign(values).where(size > 0, values.new_zeros(()))


def mean_diagonal(gram: Tensor) -> Tensor:
    """trace(G) / P of matrices G (..., P, P), (..., 1); never 0."""
    found = gram.diagonal(dim1=-2, dim2=-1).mean(-1, keepdim=True)
    return found.where(found > 0, found.new_ones(()))


def times(rows: Tensor, matrix: Tensor) -> Tensor:
    """Row t times matrix t, or times the only one, (T, P)."""
    if len(matrix) == 1:
        return rows @ matrix[0]
    return (rows.unsqueeze(1) @ matrix).squeeze(1)
