"""RISE's masks: a coarse random grid, enlarged smoothly and shifted at random."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from interp.engine.design import MaskDesign
from interp.engine.random import content_key, draw_bits
from interp.model import ModelAdapter
from interp_standard.perturbation.image import FillParams, ImagePerturbation, cover

if TYPE_CHECKING:
    from torch import Tensor

SHIFTS = 256
"""Shifts are whole 256ths of a cell."""


class SmoothParams(FillParams):
    """Parameters of RISE's masks."""

    cells: int = Field(7, ge=2, le=128, description="cells along each side of the coarse grid")
    keep: float = Field(0.5, gt=0, lt=1, description="probability that a cell is shown")


@dataclass(frozen=True, eq=False)
class SmoothDesign(MaskDesign):
    """States (B, (cells + 1)^2 + 2): a grid with a cell to spare, on or off, and a shift.

    The grid is enlarged bilinearly to cells + 1 cells of ceil(side / cells) pixels each, and the
    network's input is cut from it at the shift, (y, x) in 256ths of a cell.
    """

    pixels: Tensor
    fill: Tensor
    cells: int
    keep: float
    seed: int
    stream: str = "smooth"

    @property
    def parts(self) -> int:  # type: ignore[override]
        """Entries of a state: cells and the two shifts."""
        return (self.cells + 1) ** 2 + 2

    @cached_property
    def key(self) -> str:  # type: ignore[override]
        """Hash of the pixels, the fill and the distribution of the masks."""
        arrays = self.pixels.cpu().numpy(), self.fill.cpu().numpy()
        return content_key(*arrays, self.cells, self.keep, self.seed, self.stream)

    def draw(self, chunk: int) -> Tensor:
        import torch

        bits = draw_bits(
            self.seed, f"{self.stream}/{self.key}", chunk, self.chunk * self.parts
        ).reshape(self.chunk, self.parts)
        states = (bits < int(self.keep * 2**32)).astype(np.uint8)
        states[:, -2:] = bits[:, -2:] % SHIFTS
        if chunk == 0:
            states[0], states[1] = 1, 0
        return torch.from_numpy(states).to(self.device)

    def masks(self, states: Tensor) -> Tensor:
        import torch

        grids = states[:, :-2].reshape(-1, self.cells + 1, self.cells + 1).float()
        rows, columns = (
            self._enlarge(side, states[:, at].float() / SHIFTS)
            for side, at in zip(self.pixels.shape[1:], (-2, -1), strict=True)
        )
        return torch.bmm(rows @ grids, columns.mT).clamp(0, 1)  # (B, h, w)

    def features(self, states: Tensor) -> Tensor:
        """Masks over their expectation, (B, h * w)."""
        return self.masks(states).flatten(1) / self.keep

    def paint(self, weights: np.ndarray) -> np.ndarray:
        return np.asarray(weights).reshape(self.pixels.shape[1:])

    def _enlarge(self, side: int, shift: Tensor) -> Tensor:
        """Bilinear weights of the cells for each pixel along a side, (B, side, cells + 1)."""
        import torch

        step = -(-side // self.cells)
        pixel = torch.arange(side, device=shift.device) + 0.5
        at = (pixel + (shift[:, None] * step).floor()) / step - 0.5  # (B, side), in cells
        at = at.clamp(0, self.cells)
        cell = torch.arange(self.cells + 1, device=shift.device)
        return (1 - (at.unsqueeze(2) - cell).abs()).clamp(min=0)


class SmoothCells(ImagePerturbation):
    """Random soft masks, as in RISE.

    Each of cells x cells squares is shown with probability p = `keep`; the grid is enlarged
    smoothly and shifted at random by less than a cell, so that masks have no common edges. A pixel
    shows `m x + (1 - m) fill`, m in [0, 1].

    V. Petsiuk, A. Das, K. Saenko: RISE: Randomized Input Sampling for Explanation of Black-box
    Models, BMVC 2018.
    """

    Params = SmoothParams

    def design(self, model: ModelAdapter, pixels: Tensor, count: int, seed: int) -> SmoothDesign:
        fill = cover(self.params, model, pixels)
        return SmoothDesign(pixels, fill, self.params.cells, self.params.keep, seed)
