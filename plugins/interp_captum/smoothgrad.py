"""The gradient averaged over noisy copies of the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from interp.engine.convergence import SETTLED, reliability, rounds
from interp.evidence import Evidence
from interp.params import Params
from interp.spec import Capability
from interp_captum.colour import ColourParams
from interp_captum.method import CaptumMethod, View
from interp_captum.saliency import gradient

if TYPE_CHECKING:
    from torch import Tensor


class SmoothGradParams(ColourParams):
    """SmoothGrad's parameters."""

    draws: int = Field(50, ge=1, description="noisy copies whose gradients are averaged")
    noise: float = Field(
        0.15, ge=0, description="standard deviation as a share of the image's range of values"
    )


@dataclass(frozen=True)
class SmoothGrad(CaptumMethod):
    """Saliency with the gradient averaged over noise: 1/n sum_i d score(x + e_i) / d x.

    e_i ~ N(0, s^2) on every pixel and colour, s = `noise` (max x - min x). D. Smilkov et al.:
    SmoothGrad: removing noise by adding noise, 2017. Ours is that draw i depends on the seed and i
    alone, whatever the batch size or device; Captum's NoiseTunnel draws from torch's global
    generator.
    """

    Params: ClassVar[type[Params]] = SmoothGradParams
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT, Capability.GRADIENTS})

    params: SmoothGradParams

    def find(self, view: View) -> tuple[Evidence, ...]:
        """Each pixel's mean slope, with its standard error."""
        budget = view.score.context.budget
        draws = view.score.context.samples(self.params.draws)
        slopes = Slopes(self.params.signed)
        for upto in rounds(draws, draws, budget) if budget.until == "stable" else [draws]:
            view.score.total = upto
            for noisy in self._copies(view, slopes.count, upto):
                slopes.add(gradient(view.score, noisy))
            values, error = slopes.found()
            if error is not None and reliability(values, error) >= SETTLED:
                break
        unit = "score per colour level"
        return (view.heatmap(values, unit, signed=self.params.signed, error=error),)

    def _copies(self, view: View, first: int, upto: int) -> Iterator[Tensor]:
        """Noisy copies of the image in batches, (B, 3, h, w)."""
        import torch

        size = self.params.noise * float(view.pixels.max() - view.pixels.min())
        for begin in range(first, upto, view.score.batch):
            numbers = range(begin, min(begin + view.score.batch, upto))
            noise = torch.stack([self._noise(view, number) for number in numbers])
            yield view.pixels + size * noise

    def _noise(self, view: View, number: int) -> Tensor:
        """One draw, (3, h, w)."""
        key = np.random.SeedSequence([view.score.context.seed, number])
        shape = view.pixels.shape[1:]
        drawn = np.random.Generator(np.random.Philox(key)).standard_normal(shape, np.float32)
        return view.model.to_device(drawn)


@dataclass
class Slopes:
    """The mean of slopes and how well it is known; `signed`: of their sum over colours."""

    signed: bool
    count: int = 0
    total: Tensor | None = None
    squares: Tensor | None = None

    def add(self, slopes: Tensor) -> None:
        """Take in slopes (B, 3, h, w)."""
        seen = slopes.double()
        seen = seen.sum(1, keepdim=True) if self.signed else seen
        total, squares = seen.sum(0), seen.square().sum(0)
        self.total = total if self.total is None else self.total + total
        self.squares = squares if self.squares is None else self.squares + squares
        self.count += len(slopes)

    def found(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The map (h, w) and its standard error; None with one draw."""
        assert self.total is not None and self.squares is not None  # noqa: S101 - after add
        mean = self.total / self.count  # (C, h, w)
        colour = mean.abs().argmax(0, keepdim=True)
        values = (mean if self.signed else mean.abs().gather(0, colour))[0].float().cpu().numpy()
        if self.count < 2:
            return values, None
        variance = (self.squares / self.count - mean.square()).clamp_min(0) / (self.count - 1)
        return values, variance.sqrt().gather(0, colour)[0].float().cpu().numpy()
