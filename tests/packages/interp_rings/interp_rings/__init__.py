"""A perturbation: rings around the image's centre are switched off."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.engine.component import Experiment, Perturbation
from interp.engine.design import ImageSubject, RegionDesign
from interp.model import ModelAdapter
from interp.params import Params


class RingsParams(Params):
    """How many rings there are."""

    rings: int = Field(6, ge=2, le=32, description="rings from the centre to the corners")


class Rings(Perturbation):
    """Each ring is shown, or painted in the colour that the network sees as zero."""

    Params = RingsParams
    params: RingsParams

    def bind(
        self, model: ModelAdapter, image: np.ndarray, count: int, context: Context
    ) -> Experiment:
        """The experiment on one image; each ring is on or off by a fair coin."""
        pixels, placement = model.prepare(image)
        _, height, width = pixels.shape
        down, across = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
        distance = np.hypot(down, across) / np.sqrt(2)
        labels = np.minimum((distance * self.params.rings).astype(int), self.params.rings - 1)
        labels = np.unique(labels, return_inverse=True)[1].reshape(height, width)
        fill = model.to_device(np.array(model.spec.input.fill, np.float32))
        design = RegionDesign(pixels, labels, fill, context.seed)
        return Experiment(ImageSubject(model, pixels, placement), design, placement)
