"""The gradient averaged over noisy copies of the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from interp.evidence import Evidence
from interp.method import Params
from interp.spec import Capability
from interp_captum.colour import ColourParams, over_colours
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
        """Each pixel's mean slope."""
        import torch

        draws = view.score.context.samples(self.params.draws)
        view.score.total = draws
        total = torch.zeros_like(view.pixels[0], dtype=torch.float64)
        for noisy in self._copies(view, draws):
            total += gradient(view.score, noisy).double().sum(0)
        values = over_colours(total / draws, self.params.signed)
        return (view.heatmap(values, "score per colour level", signed=self.params.signed),)

    def _copies(self, view: View, draws: int) -> Iterator[Tensor]:
        """Noisy copies of the image in batches, (B, 3, h, w)."""
        import torch

        size = self.params.noise * float(view.pixels.max() - view.pixels.min())
        for begin in range(0, draws, view.score.batch):
            numbers = range(begin, min(begin + view.score.batch, draws))
            noise = torch.stack([self._noise(view, number) for number in numbers])
            yield view.pixels + size * noise

    def _noise(self, view: View, number: int) -> Tensor:
        """One draw, (3, h, w)."""
        key = np.random.SeedSequence([view.score.context.seed, number])
        shape = view.pixels.shape[1:]
        drawn = np.random.Generator(np.random.Philox(key)).standard_normal(shape, np.float32)
        return view.model.to_device(drawn)
