"""The gradient itself, by Captum's Saliency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from interp.evidence import Evidence
from interp_captum.bridge import Score, captum
from interp_captum.method import GRADIENTS, CaptumInput, CaptumMethod, CaptumParams

if TYPE_CHECKING:
    from torch import Tensor


class GradientParams(CaptumParams):
    """Parameters of a method that shows a gradient on the pixels."""

    signed: bool = Field(
        False,
        description="sum the gradient over the three colours, with sign; "
        "otherwise take the largest absolute value",
    )


@dataclass(frozen=True)
class Saliency(CaptumMethod):
    """How steeply the score changes with each pixel: max over colours of |d score / d x|.

    K. Simonyan, A. Vedaldi, A. Zisserman: Deep Inside Convolutional Networks, ICLR Workshop 2014.
    Colours are RGB in [0, 1]. The signed map (`signed`) is ours.
    """

    Params = GradientParams
    needs = GRADIENTS

    params: GradientParams

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """Each pixel's slope."""
        given.score.total = 1
        values = over_colours(gradient(given.score, given.pixels)[0], self.params.signed)
        return (given.heatmap(values, "score per colour level", signed=self.params.signed),)


def gradient(score: Score, images: Tensor) -> Tensor:
    """d score / d images, (N, 3, h, w)."""
    saliency = captum().Saliency(score.with_gradient)
    found: Tensor = saliency.attribute(images.clone().requires_grad_(), abs=False)
    return found.detach()


def over_colours(slopes: Tensor, signed: bool) -> np.ndarray:
    """Slopes (3, h, w) as a map (h, w): their sum, or the largest absolute value."""
    chosen = slopes.sum(0) if signed else slopes.abs().amax(0)
    found: np.ndarray = chosen.float().cpu().numpy()
    return found
