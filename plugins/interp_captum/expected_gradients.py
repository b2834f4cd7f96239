"""Expected gradients, Captum's GradientShap: integrated gradients over many reference images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from interp.evidence import Evidence
from interp_captum.method import GRADIENTS, CaptumInput, CaptumMethod, CaptumParams
from interp_captum.noise import averaged, generator, noisy
from interp_captum.saliency import gradient
from interp_captum.statistics import NoiseStatistics

if TYPE_CHECKING:
    from torch import Tensor

COUNT = 64
"""Images of a data set that serve as references."""
Reference = Callable[[np.random.Generator], "Tensor"]


class ExpectedParams(CaptumParams):
    """Expected gradients' parameters."""

    draws: int = Field(
        200, ge=1, le=1_000_000, description="number of references, each with one gradient"
    )
    references: Literal["colours", "noise"] = Field(
        "colours",
        description="distribution of the reference images: plain images of random colours, or a "
        "random colour for each pixel",
    )
    dataset: str | None = Field(
        None,
        description=f"registered data set whose first {COUNT} images are the references instead; "
        "default: none",
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description="standard deviation of noise added to the image in each draw, as a share of "
        "its value range",
    )


@dataclass(frozen=True)
class ExpectedGradients(CaptumMethod):
    """Integrated gradients averaged over reference images b, so that no one colour is the zero.

    `E[(x - b) d score(b + a (x - b)) / d x]`, a uniform in [0, 1], one a for each b; summed over
    colours. Over all pixels it adds up to `score(x) - E[score(b)]`. G. Erion et al.: Improving
    Performance of Deep Learning Models with Axiomatic Attribution Priors and Expected Gradients,
    Nature Machine Intelligence 2021. Ours is that draw i depends on the seed and i alone; Captum's
    GradientShap draws from NumPy's global generator. Its noise is `noise`.
    """

    Params = ExpectedParams
    needs = GRADIENTS

    params: ExpectedParams

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """Each pixel's expected share, with its standard error."""
        import torch

        reference, copies = self._reference(given), noisy(given, self.params.noise)

        def shares(numbers: Sequence[int]) -> Tensor:
            drawn = [generator(given, each).spawn(1)[0] for each in numbers]
            places = [each.random(dtype=np.float32) for each in drawn]
            at = given.pixels.new_tensor(np.array(places)).view(-1, 1, 1, 1)
            references = torch.stack([reference(each) for each in drawn])
            change = copies(numbers) - references
            return change * gradient(given.score, references + at * change)

        draws = given.score.context.samples(self.params.draws)
        values, error = averaged(given, draws, NoiseStatistics(signed=True), shares)
        return (given.heatmap(values, "score per pixel", error=error),)

    def _reference(self, given: CaptumInput) -> Reference:
        """What draws a reference image, (C, h, w)."""
        pixels = given.pixels[0]
        if self.params.dataset is not None:
            made = given.score.context.lookup("dataset", self.params.dataset)
            data = made(COUNT, given.score.context.seed)
            known = [given.model.prepare(data[at].image)[0] for at in range(len(data))]
            return lambda random: known[int(random.integers(len(known)))]
        plain = self.params.references == "colours"
        shape = (len(pixels), 1, 1) if plain else tuple(pixels.shape)
        return lambda random: given.model.to_device(random.random(shape, np.float32)).expand_as(
            pixels
        )
