"""Cells of a regular grid, switched off one by one or at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from interp.engine.component import Experiment, Perturbation
from interp.params import Params
from interp_standard.perturbation.region import RegionParams, region_experiment

if TYPE_CHECKING:
    from interp.context import Context
    from interp.model import ModelAdapter


class CellParams(RegionParams):
    """A grid's fineness."""

    cells: int = Field(7, ge=2, le=128, description="cells along each side of the grid")


class Cells(Perturbation):
    """A grid of `cells` x `cells` equal rectangles."""

    Params: ClassVar[type[Params]] = CellParams

    def bind(
        self, model: ModelAdapter, image: np.ndarray, count: int, context: Context
    ) -> Experiment:
        """The experiment on an image (H, W, 3) uint8."""
        pixels, placement = model.prepare(image)
        labels = grid(*placement.size, self.params.cells)
        return region_experiment(model, pixels, placement, labels, self.params, count, context.seed)


def grid(height: int, width: int, cells: int) -> np.ndarray:
    """Labels (h, w) of a square grid of cells, row by row."""
    rows, columns = (np.arange(each) * cells // each for each in (height, width))
    return np.add.outer(rows * cells, columns)
