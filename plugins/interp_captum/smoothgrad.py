"""The gradient averaged over noisy copies of the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from interp.engine.convergence import SETTLED, reliability, rounds
from interp.engine.random import draw_noise
from interp.evidence import Evidence
from interp_captum.method import GRADIENTS, CaptumInput, CaptumMethod
from interp_captum.saliency import GradientParams, gradient

if TYPE_CHECKING:
    from torch import Tensor


class SmoothGradParams(GradientParams):
    """SmoothGrad's parameters."""

    draws: int = Field(50, ge=1, description="number of noisy copies whose gradients are averaged")
    noise: float = Field(
        0.15,
        ge=0,
        description="standard deviation of the noise as a share of the image's value range",
    )


@dataclass(frozen=True)
class SmoothGrad(CaptumMethod):
    """Saliency with the gradient averaged over noise: 1/n sum_i d score(x + e_i) / d x.

    e_i ~ N(0, s^2) on every pixel and colour, s = `noise` (max x - min x). D. Smilkov et al.:
    SmoothGrad: removing noise by adding noise, 2017. Ours is that draw i depends on the seed and i
    alone, whatever the batch size or device; Captum's NoiseTunnel draws from torch's global
    generator.
    """

    Params = SmoothGradParams
    needs = GRADIENTS

    params: SmoothGradParams

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """Each pixel's mean slope, with its standard error."""
        budget = given.score.context.budget
        draws = given.score.context.samples(self.params.draws)
        slopes = SlopeStatistics(self.params.signed)
        for upto in rounds(draws, draws, budget) if budget.until == "stable" else [draws]:
            given.score.total = upto
            for noisy in self._copies(given, slopes.count, upto):
                slopes.add(gradient(given.score, noisy))
            values, error = slopes.estimate()
            if error is not None and reliability(values, error) >= SETTLED:
                break
        unit = "score per colour level"
        return (given.heatmap(values, unit, signed=self.params.signed, error=error),)

    def _copies(self, given: CaptumInput, first: int, upto: int) -> Iterator[Tensor]:
        """Noisy copies of the image in batches, (B, 3, h, w)."""
        import torch

        size = self.params.noise * float(given.pixels.max() - given.pixels.min())
        for begin in range(first, upto, given.score.batch):
            numbers = range(begin, min(begin + given.score.batch, upto))
            noise = torch.stack([self._noise(given, number) for number in numbers])
            yield given.pixels + size * noise

    def _noise(self, given: CaptumInput, number: int) -> Tensor:
        """One draw, (3, h, w)."""
        shape = tuple(given.pixels.shape[1:])
        return given.model.to_device(draw_noise(given.score.context.seed, number, shape))


@dataclass
class SlopeStatistics:
    """Running mean of slopes with its standard error; `signed`: of their sum over colours."""

    signed: bool
    count: int = 0
    total: Tensor | None = None
    squares: Tensor | None = None

    def add(self, slopes: Tensor) -> None:
        """Add slopes (B, 3, h, w)."""
        seen = slopes.double()
        seen = seen.sum(1, keepdim=True) if self.signed else seen
        total, squares = seen.sum(0), seen.square().sum(0)
        self.total = total if self.total is None else self.total + total
        self.squares = squares if self.squares is None else self.squares + squares
        self.count += len(slopes)

    def estimate(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The map (h, w) and its standard error; None with one draw."""
        assert self.total is not None and self.squares is not None  # noqa: S101 - after add
        mean = self.total / self.count  # (C, h, w)
        colour = mean.abs().argmax(0, keepdim=True)
        values = (mean if self.signed else mean.abs().gather(0, colour))[0].float().cpu().numpy()
        if self.count < 2:
            return values, None
        variance = (self.squares / self.count - mean.square()).clamp_min(0) / (self.count - 1)
        return values, variance.sqrt().gather(0, colour)[0].float().cpu().numpy()
