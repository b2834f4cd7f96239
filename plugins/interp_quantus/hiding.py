"""A target's score as a PyTorch module of which pixels are shown, whatever framework the model is.

Quantus' metrics of faithfulness set some features of the input to a baseline and ask for the score.
Here the input that Quantus sees is a mask of ones, one feature a pixel of the network's input with
all its colours, and the baseline is zero: the image is hidden there by the fill.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field
from torch import Tensor, nn, where

from interp.metric import MetricCase, MetricParams

LEVELS = {"grey": 128 / 255, "black": 0.0, "white": 1.0}


class HidingParams(MetricParams):
    """Parameters of a metric that hides pixels."""

    fill: Literal["mean", "grey", "black", "white"] = Field(
        "mean", description="colour that hides a pixel; mean is zero after normalisation"
    )
    output: Literal["prob", "logit"] = Field(
        "prob", description="class score whose change is measured: the probability or the logit"
    )


class HiddenScore(nn.Module):
    """The target's score (N, 1) of masks (N, 1, h, w): pixels are hidden where these are 0."""

    def __init__(self, case: MetricCase, params: HidingParams) -> None:
        super().__init__()
        self.case: MetricCase | None = case
        self.params = params
        self.eval()

    def forward(self, masks: Tensor) -> Tensor:
        """One pass of the model; raises Cancelled where the user asked to stop."""
        case: Any = self.case
        case.context.out_of_time()
        shown = masks.to(case.pixels.device) > 0.5
        scores = case.model.predict(where(shown, case.pixels, self._plain(case.pixels)))
        scores = case.model.probabilities(scores, self.params.output)
        return case.target.select(scores)[:, None].float().cpu()

    def _plain(self, pixels: Tensor) -> Tensor:
        """The fill's colour, (C, 1, 1)."""
        case: Any = self.case
        level = LEVELS.get(self.params.fill)
        colour = case.model.spec.input.fill if level is None else (level,) * len(pixels)
        return pixels.new_tensor(colour)[:, None, None]

    def release(self) -> None:
        """Let go of the case: Quantus keeps every module that it has wrapped."""
        self.case = None


def hidden_nothing(case: MetricCase) -> np.ndarray:
    """The mask of an image that is shown whole, (1, 1, h, w)."""
    return np.ones((1, 1, *case.pixels.shape[1:]), np.float32)
