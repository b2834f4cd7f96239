"""A method: how much of the score each quarter of the image holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.evidence import Heatmap
from interp.explanation import Explanation
from interp.method import PerImageMethod
from interp.model import ModelAdapter
from interp.params import Params
from interp.target import Target


class QuartersParams(Params):
    """What is shown in place of a quarter."""

    grey: float = Field(0.5, ge=0, le=1, description="brightness that a quarter is painted in")


class Quarters(PerImageMethod):
    """p(x) - p(x with a quarter painted grey), for each quarter."""

    Params = QuartersParams
    params: QuartersParams

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """One map of four values for each target."""
        pixels, placement = model.prepare(image)
        _, height, width = pixels.shape
        whole = model.probabilities(model.predict(pixels[None]))[0]
        falls = whole.new_zeros(2, 2, len(whole))
        for row, column in np.ndindex(2, 2):
            context.out_of_time()
            painted = pixels.clone()
            down, across = height * row // 2, width * column // 2
            painted[:, down : down + height // 2, across : across + width // 2] = self.params.grey
            falls[row, column] = whole - model.probabilities(model.predict(painted[None]))[0]
        maps = falls.cpu().numpy().repeat(height // 2, 0).repeat(width // 2, 1)
        padded = np.pad(maps, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return Explanation(
            tuple(
                Heatmap(
                    name="quarters",
                    target=each.name,
                    values=placement.to_image(padded[..., each.index]),
                    unit="probability",
                )
                for each in targets
            )
        )
