"""Deletion and insertion: how the score changes as pixels are hidden or shown by importance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from interp.engine.design import Design, ListedRegions
from interp.engine.respond import respond
from interp.metric import ExplanationMetric, MetricCase, MetricParams
from interp_standard.perturbation.image import Fill, FillParams, cover


class RemovalParams(MetricParams, FillParams):
    """Parameters of a metric that hides parts of the image."""


class DeletionParams(RemovalParams):
    """Deletion's parameters."""

    steps: int = Field(
        28, ge=2, description="number of equal shares in which pixels are hidden or shown"
    )


@dataclass(frozen=True)
class Deletion(ExplanationMetric):
    """Area under the target's probability while pixels are hidden, the most important first.

    The trapezoid over k / steps, k = 0 .. steps. V. Petsiuk, A. Das, K. Saenko: RISE, BMVC 2018,
    who hide by black in normalised input, which `fill` mean is. Ours: equal pixels in a random
    order, and steps that are shares of the image instead of 224 x 8 pixels.
    """

    Params = DeletionParams
    unit = "mean probability"
    higher_is_better = False

    params: DeletionParams

    def measure(self, case: MetricCase) -> float:
        """Mean probability on the way from the whole image to the fully hidden one."""
        whole, empty, *between = self.scores(case, deleted=True)
        return area_under([whole, *between, empty])

    def scores(self, case: MetricCase, deleted: bool) -> np.ndarray:
        """Probabilities of the whole image, the empty one, and each step between, (steps + 1,)."""
        steps = self.params.steps
        labels = rank_shares(case.over_input(case.map), steps, case.context.seed)
        taken = np.tri(steps, dtype=np.uint8)[:-1]  # row k: shares 0 .. k are taken
        states = 1 - taken if deleted else taken
        return target_scores(case, region_design(case, labels, states, self.params), "prob")


class InsertionParams(DeletionParams):
    """Insertion's parameters."""

    fill: Fill = Field(
        "blur", description="what hides the pixels not yet shown; values as for deletion"
    )


@dataclass(frozen=True)
class Insertion(Deletion):
    """Area under the target's probability while pixels are shown, the most important first.

    From a blurred image to the whole one. V. Petsiuk et al.: RISE, BMVC 2018; ours as in Deletion.
    """

    Params = InsertionParams
    higher_is_better = True

    params: InsertionParams

    def measure(self, case: MetricCase) -> float:
        """Mean probability on the way from the blurred image to the whole one."""
        whole, empty, *between = self.scores(case, deleted=False)
        return area_under([empty, *between, whole])


def area_under(curve: list[float]) -> float:
    """Area under values at equal distances over [0, 1], by the trapezoidal rule."""
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))


def target_scores(case: MetricCase, design: Design, output: str) -> np.ndarray:
    """The target's score of every state of a finite design, (N,)."""
    answers = respond(case.context, case.subject, design, output, design.size or 0)
    found = [case.target.select(each.scores).double().cpu().numpy() for each in answers]
    return np.concatenate(found)


def region_design(
    case: MetricCase, labels: np.ndarray, states: np.ndarray, params: FillParams
) -> ListedRegions:
    """The image with regions (h, w) of the input hidden where `states` (N, P) are 0.

    Before these the design lists the whole image and the fully hidden one.
    """
    fill = cover(params, case.model, case.pixels, labels)
    return ListedRegions(case.pixels, labels, fill, states=states)


def rank_shares(values: np.ndarray, steps: int, seed: int) -> np.ndarray:
    """Which of `steps` equal shares each pixel falls in, (h, w): 0 holds the most important.

    Equal pixels are ordered at random: in reading order, the upper left corner of an evenly
    coloured region would always go first.
    """
    lot = np.random.default_rng(seed).random(values.size)
    found = np.empty(values.size, np.int64)
    found[np.lexsort((lot, -values.ravel()))] = np.arange(values.size) * steps // values.size
    return found.reshape(values.shape)
