"""Occlusion by a sliding square, by Captum."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from interp.evidence import Evidence
from interp_captum.bridge import captum
from interp_captum.method import CaptumInput, CaptumMethod, CaptumParams, Fill


class OcclusionParams(CaptumParams):
    """Occlusion's parameters."""

    window: float = Field(
        0.15, gt=0, le=1, description="side of the square as a share of the input's"
    )
    stride: float = Field(
        0.5, gt=0, le=1, description="step between two squares as a share of the square"
    )
    fill: Fill = Field("mean", description="the square's colour; mean is zero after normalisation")


@dataclass(frozen=True)
class Occlusion(CaptumMethod):
    """What the score loses when a square hides a pixel, averaged over the squares that hide it.

    M. D. Zeiler, R. Fergus: Visualizing and Understanding Convolutional Networks, ECCV 2014.
    """

    Params = OcclusionParams

    params: OcclusionParams

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """Each pixel's mean loss."""
        size = tuple(given.pixels.shape[2:])
        window = [max(1, round(self.params.window * side)) for side in size]
        stride = [max(1, round(self.params.stride * side)) for side in window]
        places = [-(-(n - w) // s) + 1 for n, w, s in zip(size, window, stride, strict=True)]
        given.score.total = places[0] * places[1] + 1
        method = captum().Occlusion(given.score.without_gradient)
        found = method.attribute(
            given.pixels,
            sliding_window_shapes=(given.pixels.shape[1], *window),
            strides=(given.pixels.shape[1], *stride),
            baselines=given.plain_image(self.params.fill),
            perturbations_per_eval=given.score.batch,
        )  # (1, 3, h, w), equal over colours
        return (given.heatmap(found[0, 0], "score"),)
