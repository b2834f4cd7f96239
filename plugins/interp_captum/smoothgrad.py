"""The gradient averaged over noisy copies of the image."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from interp.evidence import Evidence
from interp_captum.method import GRADIENTS, CaptumInput, CaptumMethod
from interp_captum.noise import averaged, noisy
from interp_captum.saliency import SignedParams, gradient
from interp_captum.statistics import NoiseStatistics


class SmoothGradParams(SignedParams):
    """SmoothGrad's parameters."""

    draws: int = Field(50, ge=1, description="number of noisy copies whose gradients are averaged")
    noise: float = Field(
        0.15,
        ge=0,
        description="standard deviation of the noise as a share of the image's value range",
    )


@dataclass(frozen=True)
class SmoothGrad(CaptumMethod):
    """Saliency with the gradient averaged over noise: `1/n sum_i d score(x + e_i) / d x`.

    `e_i ~ N(0, s^2)` on every pixel and colour, s = `noise` (max x - min x). D. Smilkov et al.:
    SmoothGrad: removing noise by adding noise, 2017. Ours is that draw i depends on the seed and i
    alone, whatever the batch size or device; Captum's NoiseTunnel draws from torch's global
    generator.
    """

    Params = SmoothGradParams
    needs = GRADIENTS

    params: SmoothGradParams

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """Each pixel's mean slope, with its standard error."""
        signed, copies = self.params.signed, noisy(given, self.params.noise)
        values, error = averaged(
            given,
            given.score.context.samples(self.params.draws),
            NoiseStatistics(signed),
            lambda numbers: gradient(given.score, copies(numbers)),
        )
        return (given.heatmap(values, "score per colour level", signed=signed, error=error),)
