"""A sliding window that hides one place after another; windows overlap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from interp.engine.design import MaskDesign, SingleDesign
from interp.engine.random import content_key
from interp.model import ModelAdapter
from interp_standard.perturbation.image import FillParams, ImagePerturbation, cover

if TYPE_CHECKING:
    from torch import Tensor


class WindowParams(FillParams):
    """Parameters of the sliding window."""

    window: float = Field(
        0.15, gt=0, le=1, description="side of the window as a share of the input's"
    )
    stride: float = Field(
        0.5, gt=0, le=1, description="step between two windows as a share of the window"
    )


@dataclass(frozen=True, eq=False)
class WindowDesign(SingleDesign, MaskDesign):
    """Windows over an image, each hidden alone; a window is a span of rows times one of columns.

    rows (R, h) and columns (C, w): 1 inside a span, 0 outside; R x C windows, row by row.
    """

    pixels: Tensor
    fill: Tensor
    rows: np.ndarray
    columns: np.ndarray

    @property
    def parts(self) -> int:  # type: ignore[override]
        return len(self.rows) * len(self.columns)

    @cached_property
    def key(self) -> str:  # type: ignore[override]
        arrays = self.pixels.cpu().numpy(), self.fill.cpu().numpy(), self.rows, self.columns
        return content_key(*arrays)

    def masks(self, states: Tensor) -> Tensor:
        hidden = (1 - states.float()).reshape(-1, len(self.rows), len(self.columns))
        rows, columns = (self.pixels.new_tensor(each).float() for each in (self.rows, self.columns))
        covered = rows.T @ hidden @ columns  # how many hidden windows lie over a pixel, (B, h, w)
        return (covered == 0).float()

    def paint(self, weights: np.ndarray) -> np.ndarray:
        """The mean over the windows that hide a pixel."""
        values = np.asarray(weights).reshape(len(self.rows), len(self.columns))
        total = self.rows.T @ values @ self.columns
        mean: np.ndarray = total / np.outer(self.rows.sum(0), self.columns.sum(0))
        return mean


class Windows(ImagePerturbation):
    """A square that slides over the image.

    M. D. Zeiler, R. Fergus: Visualizing and Understanding Convolutional Networks, ECCV 2014.
    """

    Params = WindowParams

    def design(self, model: ModelAdapter, pixels: Tensor, count: int, seed: int) -> WindowDesign:
        params = self.params
        rows, columns = (spans(side, params.window, params.stride) for side in pixels.shape[1:])
        return WindowDesign(pixels, cover(params, model, pixels), rows, columns)


def spans(side: int, window: float, stride: float) -> np.ndarray:
    """Windows along one side, (N, side): 1 inside, 0 outside; the last may reach over the edge."""
    width = max(1, round(window * side))
    step = max(1, round(stride * width))
    begins = [step * each for each in range(-(-(side - width) // step) + 1)]
    place = np.arange(side)
    return np.array([(place >= begin) & (place < begin + width) for begin in begins], np.float64)
