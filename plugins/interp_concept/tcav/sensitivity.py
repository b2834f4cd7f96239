"""How sensitive a class is to concepts: derivatives along their directions, scores, p-values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interp_concept.cav import Cav
from interp_concept.tcav.knowledge import TcavKnowledge

ROUNDING = 1e-5
"""Derivatives below this share of slope times length are no sensitivity."""


@dataclass(frozen=True)
class Sensitivity:
    """One class's sensitivity to one concept, over some images.

    `derivative` is the mean of d score / d e along the step to the concept, `score` the share
    of images on which it is positive (the TCAV score); each `spread` is the standard deviation over
    directions from random splits of the concept's images.
    """

    derivative: float
    derivative_spread: float
    score: float
    score_spread: float
    p: float
    corrected: float
    significant: bool


def sensitivities(known: TcavKnowledge, slopes: np.ndarray) -> list[Sensitivity]:
    """The sensitivity to each concept, given a class's slopes on N images (N, C)."""
    return [_one(known, each, slopes) for each in known.cavs]


def _one(known: TcavKnowledge, cav: Cav, slopes: np.ndarray) -> Sensitivity:
    along = _derivatives(slopes, cav.direction[None])[:, 0]  # (N,)
    halves = _derivatives(slopes, cav.halves.directions)  # (N, S)
    chance = _derivatives(slopes, cav.chance)  # (N, M)
    p = cav.p_value(_statistic(known, along[:, None])[0], _statistic(known, chance))
    corrected = known.corrected(p)
    return Sensitivity(
        float(along.mean()),
        float(halves.mean(0).std(ddof=1)),
        float((halves > 0).mean()),
        float((halves > 0).mean(0).std(ddof=1)),
        p,
        corrected,
        corrected < known.params.level,
    )


def _derivatives(slopes: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """slopes (N, C) along directions (V, C), (N, V); 0 where they cancel but for rounding."""
    found = slopes @ directions.T
    lengths = np.linalg.norm(slopes, axis=1)[:, None] * np.linalg.norm(directions, axis=1)
    return np.where(np.abs(found) > ROUNDING * lengths, found, 0.0)


def _statistic(known: TcavKnowledge, along: np.ndarray) -> np.ndarray:
    """What is tested, (V,), for derivatives (N, V)."""
    if known.params.statistic == "score":
        return np.asarray((along > 0).mean(0) - 0.5)
    return np.asarray(along.mean(0))
