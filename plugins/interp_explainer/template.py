"""Templates of one part at one place, and the mask that keeps one compact blob of a map."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Peak = Literal["argmax", "centroid"]
"""Where a map's part is: its largest cell, or its centre of mass, rounded to a cell."""


def make_templates(grid: tuple[int, int], beta: float) -> Tensor:
    """max(1 - beta |cell - mu|_1 / n, -1) for each place mu and each cell, (P, P).

    n is the grid's side; of a grid that is not square the longer one, which is ours.
    """
    cells = _cells(grid)
    apart = (cells[:, None] - cells[None]).abs().sum(2)
    return (1 - beta * apart / max(grid)).clamp(min=-1)


def find_peaks(maps: Tensor, peak: Peak = "argmax") -> Tensor:
    """The index of each map's part cell mu, (B, C) for maps (B, C, h, w) >= 0."""
    flat = maps.detach().flatten(2)
    if peak == "argmax":
        return flat.argmax(2)
    height, width = maps.shape[2:]
    total = flat.sum(2).clamp(min=torch.finfo(flat.dtype).tiny)
    row, column = (
        ((flat * each).sum(2) / total).round().long() for each in _cells((height, width)).to(flat).T
    )
    return row.clamp(0, height - 1) * width + column.clamp(0, width - 1)


def mask(maps: Tensor, templates: Tensor, peak: Peak = "argmax") -> Tensor:
    """max(x * T_mu, 0) of maps x (B, C, h, w) >= 0; no gradient flows through mu or T."""
    kept = templates.clamp(min=0)[find_peaks(maps, peak)]  # (B, C, P)
    return maps * kept.view(maps.shape)


def _cells(grid: tuple[int, int]) -> Tensor:
    """Row and column of every cell, (P, 2)."""
    return torch.cartesian_prod(*(torch.arange(side).float() for side in grid))
