"""A perturbation: upright stripes of the image are switched off."""

from __future__ import annotations

import numpy as np
from interp.context import Context
from interp.engine.component import Experiment, Perturbation
from interp.engine.design import ImageSubject, RegionDesign
from interp.model import ModelAdapter
from interp.params import Params
from pydantic import Field


class MyNameParams(Params):
    """How wide the stripes are."""

    stripes: int = Field(8, ge=2, le=64, description="stripes from left to right")


class MyName(Perturbation):
    """Each stripe is shown or painted in the colour that the network sees as zero."""

    Params = MyNameParams
    params: MyNameParams

    def bind(
        self, model: ModelAdapter, image: np.ndarray, count: int, context: Context
    ) -> Experiment:
        """The experiment on one image; each stripe is on or off by a fair coin."""
        pixels, placement = model.prepare(image)  # (3, h, w)
        _, height, width = pixels.shape
        stripe = np.arange(width) * min(self.params.stripes, width) // width
        labels = np.tile(stripe, (height, 1))  # (h, w)
        fill = model.to_device(np.array(model.spec.input.fill, np.float32))
        design = RegionDesign(pixels, labels, fill, context.seed)
        return Experiment(ImageSubject(model, pixels, placement), design, placement)
