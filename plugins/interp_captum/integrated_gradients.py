"""Integrated gradients, by Captum."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from interp.evidence import Evidence
from interp_captum.bridge import captum
from interp_captum.method import (
    BASELINE,
    GRADIENTS,
    MOST_STEPS,
    CaptumInput,
    CaptumMethod,
    CaptumParams,
    Fill,
    path_steps,
)


class IntegratedParams(CaptumParams):
    """Integrated gradients' parameters."""

    steps: int = Field(
        50,
        ge=2,
        le=MOST_STEPS,
        description="number of points on the path where the gradient is computed",
    )
    baseline: Fill = BASELINE


@dataclass(frozen=True)
class IntegratedGradients(CaptumMethod):
    """Each pixel's share of the score's change along the straight path from a baseline.

    (x - b) * integral over a in [0, 1] of d score(b + a (x - b)) / d x, by Gauss-Legendre
    quadrature, summed over colours; over all pixels of the network's input it adds up to
    score(x) - score(b). M. Sundararajan, A. Taly, Q. Yan: Axiomatic Attribution for Deep
    Networks, ICML 2017.
    """

    Params = IntegratedParams
    needs = GRADIENTS

    params: IntegratedParams

    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """Each pixel's share, signed."""
        given.score.total = path_steps(given.score.context, self.params.steps)
        method = captum().IntegratedGradients(given.score.with_gradient)
        found = method.attribute(
            given.pixels,
            baselines=given.plain_image(self.params.baseline),
            n_steps=given.score.total,
            internal_batch_size=given.score.batch,
        )  # (1, 3, h, w)
        return (given.heatmap(found[0].sum(0), "score per pixel"),)
