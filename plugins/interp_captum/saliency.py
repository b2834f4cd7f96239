"""The gradient itself, by Captum's Saliency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from interp.evidence import Evidence
from interp.params import Params
from interp.spec import Capability
from interp_captum.bridge import captum
from interp_captum.colour import ColourParams, over_colours
from interp_captum.method import CaptumMethod, View

if TYPE_CHECKING:
    from torch import Tensor

    from interp_captum.bridge import Score


@dataclass(frozen=True)
class Saliency(CaptumMethod):
    """How steeply the score changes with each pixel: max over colours of |d score / d x|.

    K. Simonyan, A. Vedaldi, A. Zisserman: Deep Inside Convolutional Networks, ICLR Workshop 2014.
    Colours are RGB in [0, 1]. The signed map (`signed`) is ours.
    """

    Params: ClassVar[type[Params]] = ColourParams
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT, Capability.GRADIENTS})

    params: ColourParams

    def find(self, view: View) -> tuple[Evidence, ...]:
        """Each pixel's slope."""
        view.score.total = 1
        slopes = gradient(view.score, view.pixels)[0]
        values = over_colours(slopes, self.params.signed)
        return (view.heatmap(values, "score per colour level", signed=self.params.signed),)


def gradient(score: Score, images: Tensor) -> Tensor:
    """d score / d images, (N, 3, h, w)."""
    found: Tensor = (
        captum().Saliency(score.recorded).attribute(images.clone().requires_grad_(), abs=False)
    )
    return found.detach()
