"""A method: what a score loses where a cell of the image is painted over."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from interp.context import Context
from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.method import PerImageMethod
from interp.model import ModelAdapter
from interp.params import Params
from interp.target import Target
from pydantic import Field


class MyNameParams(Params):
    """How fine the grid is."""

    cells: int = Field(8, ge=2, le=64, description="cells along each side of the grid")


class MyName(PerImageMethod):
    """p(x) - p(x with a cell painted in x's mean colour), for every cell of a grid."""

    Params = MyNameParams
    params: MyNameParams

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """One heat map for each target."""
        pixels, placement = model.prepare(image)  # (3, h, w), and where it lies in the image
        whole = model.probabilities(model.predict(pixels[None]))[0]  # (K,)
        cells, (_, height, width) = self.params.cells, pixels.shape
        falls = whole.new_zeros(height, width, len(whole))
        for row, column in product(range(cells), repeat=2):
            context.out_of_time()  # raises Cancelled when the user stops the run
            rows = slice(height * row // cells, height * (row + 1) // cells)
            columns = slice(width * column // cells, width * (column + 1) // cells)
            painted = pixels.clone()
            painted[:, rows, columns] = pixels.mean((1, 2), keepdim=True)
            falls[rows, columns] = whole - model.probabilities(model.predict(painted[None]))[0]
        maps = [placement.to_image(each.select(falls).cpu().numpy()) for each in targets]
        evidence = [
            Heatmap(name="fall", target=target.name, values=values)
            for target, values in zip(targets, maps, strict=True)
        ]
        return Explanation(tuple(evidence), samples=cells**2 + 1)
