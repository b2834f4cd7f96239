"""Finer-CAM: what sets a class apart from the classes that the model finds nearest to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from interp.engine.slopes import Slopes
from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.spec import Layer
from interp.target import Target
from interp_cam.method import Aims
from interp_cam.params import SlopeCamParams
from interp_cam.slope_cam import SlopeCam
from interp_cam.views import Views
from interp_cam.weighting import WEIGHTINGS, Weighting

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Contrast(Target):
    """A target's score less `strength` times the mean score of other classes."""

    others: tuple[int, ...] = ()
    strength: float = 0.0

    def select(self, scores: Tensor) -> Tensor:
        """The contrast among class scores, (..., K) -> (...)."""
        return super().select(scores) - self.strength * scores[..., list(self.others)].mean(-1)


class FinerCamParams(SlopeCamParams):
    """Finer-CAM's parameters."""

    weighting: Weighting = Field(
        "gradcam", description="method of the CAM family that weighs the maps"
    )
    nearest: int = Field(
        3, ge=1, le=1000, description="number of classes, nearest by score, to set the target apart"
    )
    strength: float = Field(
        0.6,
        ge=0,
        le=10,
        description="how much of the nearest classes' mean score is subtracted from the target's; "
        "0: nothing",
    )


@dataclass(frozen=True)
class FinerCam(SlopeCam):
    """A class activation map of `y_c - s mean_d y_d`: what the nearest classes d share is left
    out.

    The d are the `nearest` classes whose scores on the image are closest to the target's `y_c`,
    and s is the `strength`. Z. Zhang et al.: Finer-CAM, CVPR 2025, which keeps the positive part
    (`positive`). Ours is that noisy copies of an image are set apart from the classes nearest on
    the image itself, and that a note names these.
    """

    Params = FinerCamParams

    params: FinerCamParams

    def weigh(self, maps: Tensor, slopes: Slopes) -> Tensor:
        return WEIGHTINGS[self.params.weighting](self.params).weigh(maps, slopes)

    def aims(self, views: Views, layer: Layer, targets: Aims) -> Aims:
        scores = views.model.probabilities(views.scores(layer.name), self.params.output)
        return [
            [self._contrast(each, row, views.model) for each in own]
            for own, row in zip(targets, scores, strict=True)
        ]

    def notes(self, model: ModelAdapter, aims: Sequence[Target]) -> tuple[str, ...]:
        apart = (
            f"{each.name}: set apart from {', '.join(model.spec.classes[at] for at in each.others)}"
            for each in aims
            if isinstance(each, Contrast)
        )
        return (*super().notes(model, aims), *apart)

    def _contrast(self, target: Target, scores: Tensor, model: ModelAdapter) -> Contrast:
        """The target against the classes nearest to it among scores (K,)."""
        own = (target.index, target.against)
        distance = (scores - scores[target.index]).abs().argsort(stable=True).tolist()
        others = [each for each in distance if each not in own][: self.params.nearest]
        if not others:
            raise UnsupportedError(
                f"finercam sets a class apart from others; {model.spec.name} has only "
                f"{len(model.spec.classes)}; use gradcam"
            )
        return Contrast(
            target.index, target.name, target.against, tuple(others), self.params.strength
        )
