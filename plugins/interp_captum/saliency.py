"""The gradient itself, by Captum's Saliency, and the image times the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from interp_captum.bridge import Score, captum
from interp_captum.method import BASELINE, CaptumInput, CaptumParams, Fill
from interp_captum.noise import GradientMethod, NoiseParams

if TYPE_CHECKING:
    from torch import Tensor


class SignedParams(CaptumParams):
    """Parameters of a method that shows a gradient on the pixels."""

    signed: bool = Field(
        False,
        description="sum the gradient over the three colours, with sign; "
        "otherwise take the largest absolute value",
    )


class GradientParams(SignedParams, NoiseParams):
    """The same with the noise tunnel."""


@dataclass(frozen=True)
class Slopes(GradientMethod):
    """A method that shows slopes, whose sign is shown if asked for."""

    Params = GradientParams
    unit = "score per colour level"

    params: GradientParams

    @property
    def signed(self) -> bool:
        """The parameter."""
        return self.params.signed


@dataclass(frozen=True)
class Saliency(Slopes):
    """How steeply the score changes with each pixel: max over colours of `|d score / d x|`.

    K. Simonyan, A. Vedaldi, A. Zisserman: Deep Inside Convolutional Networks, ICLR Workshop 2014.
    Colours are RGB in [0, 1]. The signed map (`signed`) is ours.
    """

    together = True

    def attributions(self, given: CaptumInput, images: Tensor) -> Tensor:
        """Slopes."""
        return gradient(given.score, images)


class InputParams(NoiseParams):
    """Input x gradient's parameters."""

    baseline: Fill = BASELINE


@dataclass(frozen=True)
class InputXGradient(GradientMethod):
    """The image less a plain one, times the gradient: `(x - b) d score / d x`, summed over
    colours.

    A. Shrikumar et al.: Not Just a Black Box, 2016. Of a linear score it is each pixel's exact
    share. With the default baseline it is what Captum's InputXGradient gives on normalised input;
    baseline black is the plain product of the image in [0, 1].
    """

    Params = InputParams
    together = True
    unit = "score per pixel"

    params: InputParams

    def attributions(self, given: CaptumInput, images: Tensor) -> Tensor:
        """Products."""
        plain = given.plain_image(self.params.baseline)
        method = captum().InputXGradient(lambda moved: given.score.with_gradient(moved + plain))
        found: Tensor = method.attribute((images - plain).requires_grad_())
        return found.detach()


def gradient(score: Score, images: Tensor) -> Tensor:
    """d score / d images, (N, 3, h, w)."""
    saliency = captum().Saliency(score.with_gradient)
    found: Tensor = saliency.attribute(images.clone().requires_grad_(), abs=False)
    return found.detach()
