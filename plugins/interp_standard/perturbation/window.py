"""A sliding window that hides one place after another; windows overlap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from interp.engine.component import Experiment, Perturbation
from interp.engine.design import ImageSubject, MaskDesign, SingleDesign
from interp.engine.random import content_key
from interp.params import Params
from interp_standard.perturbation.fill import FillParams, cover

if TYPE_CHECKING:
    from torch import Tensor

    from interp.context import Context
    from interp.model import ModelAdapter


class WindowParams(FillParams):
    """The window and its steps."""

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
        """How many windows there are."""
        return len(self.rows) * len(self.columns)

    @cached_property
    def key(self) -> str:  # type: ignore[override]
        """Pixels, fill and windows."""
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


class Windows(Perturbation):
    """A square that slides over the image.

    M. D. Zeiler, R. Fergus: Visualizing and Understanding Convolutional Networks, ECCV 2014.
    """

    Params: ClassVar[type[Params]] = WindowParams

    def bind(
        self, model: ModelAdapter, image: np.ndarray, count: int, context: Context
    ) -> Experiment:
        """The experiment on an image (H, W, 3) uint8."""
        pixels, placement = model.prepare(image)
        fill = cover(self.params, model, pixels)
        rows, columns = (
            spans(side, self.params.window, self.params.stride) for side in placement.size
        )
        design = WindowDesign(pixels, fill, rows, columns)
        return Experiment(ImageSubject(model, pixels, placement), design, placement)


def spans(side: int, window: float, stride: float) -> np.ndarray:
    """Windows along one side: 1 inside, (N, side); the last one may reach over the edge."""
    width = max(1, round(window * side))
    step = max(1, round(stride * width))
    begins = [step * each for each in range(-(-(side - width) // step) + 1)]
    place = np.arange(side)
    return np.array([(place >= begin) & (place < begin + width) for begin in begins], np.float64)
