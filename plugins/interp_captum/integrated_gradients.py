"""Integrated gradients, by Captum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from interp.context import Context
from interp_captum.bridge import captum
from interp_captum.method import BASELINE, MOST_STEPS, CaptumInput, Fill, path_steps
from interp_captum.noise import GradientMethod, NoiseParams

if TYPE_CHECKING:
    from torch import Tensor


class IntegratedParams(NoiseParams):
    """Integrated gradients' parameters."""

    steps: int = Field(
        50,
        ge=2,
        le=MOST_STEPS,
        description="number of points on the path where the gradient is computed",
    )
    baseline: Fill = BASELINE


@dataclass(frozen=True)
class IntegratedGradients(GradientMethod):
    """Each pixel's share of the score's change along the straight path from a baseline.

    `(x - b) * integral of d score(b + a (x - b)) / d x` over a in [0, 1], by Gauss-Legendre
    quadrature, summed over colours; over all pixels of the network's input it adds up to `score(x)
    - score(b)`. M. Sundararajan, A. Taly, Q. Yan: Axiomatic Attribution for Deep Networks, ICML
    2017.
    """

    Params = IntegratedParams
    unit = "score per pixel"

    params: IntegratedParams

    def copies(self, context: Context) -> int:
        """The parameter: the budget's samples are the points of the path."""
        return self.params.noise_samples

    def passes_of(self, context: Context) -> int:
        """Points of the path."""
        return path_steps(context, self.params.steps)

    def attributions(self, given: CaptumInput, images: Tensor) -> Tensor:
        """Shares of the change."""
        import torch

        method = captum().IntegratedGradients(given.score.with_gradient)
        found = [
            method.attribute(
                image[None],
                baselines=given.plain_image(self.params.baseline),
                n_steps=self.passes_of(given.score.context),
                internal_batch_size=given.score.batch,
            )
            for image in images
        ]
        return torch.cat(found)
