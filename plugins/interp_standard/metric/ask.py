"""What metrics share: regions by rank, a grid of cells, and the target's score of every state."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from interp.engine.design import Design, ListedRegions
from interp.engine.respond import respond
from interp.metric import MetricCase, MetricParams
from interp_standard.perturbation.cell import grid
from interp_standard.perturbation.fill import FillParams, cover


class RemovalParams(MetricParams, FillParams):
    """What a metric that hides parts of the image is asked."""


class PoolParams(RemovalParams):
    """What a metric is asked whose hidden parts are drawn at random, the same for every method."""

    cells: int = Field(14, ge=2, le=64, description="cells along each side of the image")
    output: Literal["logit", "prob", "logprob"] = Field(
        "prob", description="the class score whose fall is to be told by the map"
    )


def ask(case: MetricCase, design: Design, output: str) -> np.ndarray:
    """The target's score of every state of a finite design, (N,)."""
    answers = respond(case.context, case.subject, design, output, design.size or 0)
    found = [case.target.select(each.scores).double().cpu().numpy() for each in answers]
    return np.concatenate(found)


def hidden(
    case: MetricCase, labels: np.ndarray, states: np.ndarray, params: FillParams
) -> ListedRegions:
    """Regions (h, w) of the input shown and hidden as `states` (N, P) say, after all and none."""
    fill = cover(params, case.model, case.pixels, labels)
    return ListedRegions(case.pixels, labels, fill, states=states)


def falls(
    case: MetricCase, states: np.ndarray, params: PoolParams
) -> tuple[np.ndarray, np.ndarray]:
    """Over cells hidden in each state (N, P): the map's sum and the score's fall, (N,)."""
    labels = grid(case.pixels.shape[1], case.pixels.shape[2], params.cells)
    scores = ask(case, hidden(case, labels, states, params), params.output)
    weights = np.bincount(labels.ravel(), case.over_input(case.map).ravel().astype(float))  # (P,)
    return (1 - states) @ weights, scores[0] - scores[2:]


def ranked(values: np.ndarray, steps: int, seed: int) -> np.ndarray:
    """In which of `steps` equal shares each pixel is, (h, w): 0 for the most important.

    Equal pixels are taken in a random order, else the upper left corner of a region goes first.
    """
    lot = np.random.default_rng(seed).random(values.size)
    found = np.empty(values.size, np.int64)
    found[np.lexsort((lot, -values.ravel()))] = np.arange(values.size) * steps // values.size
    return found.reshape(values.shape)
