"""Noise tunnel: a map averaged over noisy copies of the image, with its standard error."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.engine.noise import noisy_copies, until_stable
from interp.evidence import Evidence, Heatmap
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.target import Target
from interp_captum.bridge import BATCH, RowScore, Score
from interp_captum.method import GRADIENTS, CaptumInput, CaptumMethod, CaptumParams
from interp_captum.statistics import Kind, NoiseStatistics

if TYPE_CHECKING:
    from torch import Tensor

Attributions = Callable[[Sequence[int]], "Tensor"]
"""attributions(numbers): those of the draws with these numbers, (B, C, h, w)."""


class NoiseParams(CaptumParams):
    """Parameters of the noise tunnel, which is off by default."""

    noise_samples: int = Field(
        0, ge=0, le=100_000, description="number of noisy copies that are averaged; 0: no noise"
    )
    noise: float = Field(
        0.15,
        ge=0,
        le=1,
        description="noise_samples > 0: standard deviation of the noise as a share of the image's "
        "value range",
    )
    noise_kind: Literal["smoothgrad", "smoothgrad-sq", "vargrad"] = Field(
        "smoothgrad",
        description="noise_samples > 0: the mean over the copies, the mean of squares, or the "
        "variance",
    )


@dataclass(frozen=True)
class GradientMethod(CaptumMethod):
    """A method by the gradient on the pixels; subclasses write `attributions`.

    With noise_samples = n > 0, and e_i ~ N(0, s^2) on every pixel and colour, s = `noise`
    (max x - min x), the map a(x) becomes 1/n sum_i a(x + e_i) (smoothgrad), 1/n sum_i a(x + e_i)^2
    (smoothgrad-sq), or the second less the square of the first (vargrad), for each colour.
    D. Smilkov et al.: SmoothGrad, 2017; J. Adebayo et al.: Local Explanation Methods for Deep
    Neural Networks Lack Sensitivity to Parameter Values, ICLR Workshop 2018. Ours is that draw i
    depends on the seed and i alone; Captum's NoiseTunnel draws from torch's global generator.
    """

    needs = GRADIENTS
    unit: ClassVar[str]
    passes: ClassVar[int] = 1
    """Images that are scored for one copy."""
    together: ClassVar[bool] = False
    """Whether `attributions` of several images take one pass, for a target of each one's own."""

    params: Any

    @abstractmethod
    def attributions(self, given: CaptumInput, images: Tensor) -> Tensor:
        """What each pixel and colour of the images (B, C, h, w) contributes, (B, C, h, w)."""

    @property
    def signed(self) -> bool:
        """Whether colours are summed with their sign, or the largest absolute value is taken."""
        return True

    def copies(self, context: Context) -> int:
        """The number of noisy copies: the budget's, else the parameter."""
        return context.samples(self.params.noise_samples)

    def passes_of(self, context: Context) -> int:
        """Images that are scored for one copy, or for the image alone."""
        return self.passes

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """The image's own map, or that of its noisy copies."""
        passes = self.passes_of(given.score.context)
        if self.params.noise_samples:
            return (self._noisy(given, passes),)
        given.score.total = passes
        values = over_colours(self.attributions(given, given.pixels)[0], self.signed)
        return (given.heatmap(values, self.unit, self.layer(given), self.signed),)

    def images_at_once(self, model: ModelAdapter, context: Context) -> int:
        """A batch where one pass takes it; noisy copies of one image fill it by themselves."""
        alone = self.params.noise_samples or not self.together
        return 1 if alone else context.budget.batch_size or BATCH

    def explain_each(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Sequence[Target]],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Iterator[Explanation]:
        """Each image's maps, of all images together for the first target of each, and so on."""
        import torch

        model = self.own(model)
        prepared = [model.prepare(each) for each in images]
        pixels, output = torch.stack([each for each, _ in prepared]), self.params.output
        maps: list[list[Heatmap]] = [[] for _ in images]
        samples = 0
        for asked in zip(*targets, strict=True):
            score = RowScore(model, asked[0], output, context, targets=asked)
            score.total = self.passes_of(context) * len(images)
            given = CaptumInput(score, pixels, prepared[0][1])
            layer = self.layer(given)
            for at, slopes in enumerate(self.attributions(given, pixels)):
                own = CaptumInput(Score(model, asked[at], output, context), pixels, prepared[at][1])
                values = over_colours(slopes, self.signed)
                maps[at].append(own.heatmap(values, self.unit, layer, self.signed))
            samples += score.count // len(images)
        yield from (Explanation(tuple(each), samples) for each in maps)

    def layer(self, given: CaptumInput) -> str | None:
        """Name of the layer that the map depends on, if any."""
        return None

    def _noisy(self, given: CaptumInput, passes: int) -> Evidence:
        kind: Kind = self.params.noise_kind
        statistics, copies = NoiseStatistics(self.signed, kind), noisy(given, self.params.noise)
        draws = self.copies(given.score.context)
        values, error = averaged(
            given,
            draws,
            statistics,
            lambda numbers: self.attributions(given, copies(numbers)),
            passes,
        )
        plain = kind == "smoothgrad"
        unit = self.unit if plain else f"squared {self.unit}"
        signed = self.signed and plain
        return given.heatmap(values, unit, self.layer(given), signed, error)


def averaged(
    given: CaptumInput,
    draws: int,
    statistics: NoiseStatistics,
    attributions: Attributions,
    passes: int = 1,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The map (h, w) over the draws and its standard error, by batches.

    Where the budget says until stable, the draws are doubled until it is. `passes` images are
    scored for each draw.
    """
    batch = given.score.batch

    def draw(upto: int) -> tuple[np.ndarray, np.ndarray | None]:
        given.score.total = upto * passes
        for begin in range(statistics.count, upto, batch):
            statistics.add(attributions(range(begin, min(begin + batch, upto))))
        values, error = statistics.estimate()
        return values[None], None if error is None else error[None]

    values, error = until_stable(draws, given.score.context.budget, draw)
    return values[0], None if error is None else error[0]


def noisy(given: CaptumInput, noise: float) -> Attributions:
    """What makes the noisy copies of the image with these numbers, (B, C, h, w)."""
    seed = given.score.context.seed
    return lambda numbers: noisy_copies(given.pixels[0], noise, seed, numbers)


def generator(given: CaptumInput, number: int) -> np.random.Generator:
    """The random numbers of a draw, which depend on the seed and its number alone."""
    key = np.random.SeedSequence([given.score.context.seed, number])
    return np.random.Generator(np.random.Philox(key))


def over_colours(slopes: Tensor, signed: bool) -> np.ndarray:
    """Slopes (3, h, w) as a map (h, w): their sum, or the largest absolute value."""
    chosen = slopes.sum(0) if signed else slopes.abs().amax(0)
    found: np.ndarray = chosen.float().cpu().numpy()
    return found
