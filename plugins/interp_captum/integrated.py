"""Integrated gradients, by Captum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from interp.evidence import Evidence
from interp.params import Params
from interp.spec import Capability
from interp_captum.bridge import captum
from interp_captum.method import BASELINE, CaptumMethod, CaptumParams, Fill, View


class IntegratedParams(CaptumParams):
    """Integrated gradients' parameters."""

    steps: int = Field(50, ge=2, description="points of the path where the gradient is taken")
    baseline: Fill = BASELINE


@dataclass(frozen=True)
class IntegratedGradients(CaptumMethod):
    """Each pixel's share of the score's change along the straight path from a baseline.

    (x - b) * integral over a in [0, 1] of d score(b + a (x - b)) / d x, by Gauss-Legendre
    quadrature, summed over colours; over all pixels of the network's input it adds up to
    score(x) - score(b). M. Sundararajan, A. Taly, Q. Yan: Axiomatic Attribution for Deep
    Networks, ICML 2017.
    """

    Params: ClassVar[type[Params]] = IntegratedParams
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT, Capability.GRADIENTS})

    params: IntegratedParams

    def find(self, view: View) -> tuple[Evidence, ...]:
        """Each pixel's share, signed."""
        steps = view.score.context.samples(self.params.steps)
        view.score.total = steps
        found = (
            captum()
            .IntegratedGradients(view.score.recorded)
            .attribute(
                view.pixels,
                baselines=view.colour(self.params.baseline),
                n_steps=steps,
                internal_batch_size=view.score.batch,
            )
        )  # (1, 3, h, w)
        return (view.heatmap(found[0].sum(0).detach().float().cpu().numpy(), "score per pixel"),)
