"""Claims: properties of a method that are checked on its explanations of the scenes.

A check returns whether the claim holds and what was measured. It raises UnsupportedError where the
explanations leave nothing to measure. Maps are measured by contrast, the mean on a square less the
mean away from all squares, so constant offsets and scales make no difference, and a blur of a
cell's width makes little. A region's importance is divided by its area first, so it does not matter
how a square is divided into regions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from interp.errors import UnsupportedError
from interp.evidence import ChannelImportance
from interp.explanation import Explanation
from interp.testing.answer import SceneAnswers
from interp.testing.toy_models import CHANNELS, WEIGHTS

ELSEWHERE = 0.5
"""Most that another square may get: below it, a threshold at half shows the right one alone."""
NOTHING = 0.1
"""Most that the square without influence may get, as a share of the strongest one."""
ALIKE = 0.2
"""Largest difference of two equal squares, relative to their mean: the noise of 1,000 samples."""
SHARE = 0.05
"""Largest error of a square's share of the whole: a third of the smallest weight."""
LEARNED, CHANCE = 0.5, 0.1
"""Least R^2 where one square decides; most where chance does, where its mean is below 0."""

Verdict = tuple[bool, str]
"""Whether a claim holds, and what was measured."""


def region(answers: SceneAnswers) -> Verdict:
    """A class that asks for one square peaks there, and no other square gets half as much."""
    worst, astray = 0.0, 0
    for own, other in (("red", "green"), ("green", "red")):
        found = answers.contrasts(own, own, other, "blue", "white")
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.abs(found[:, 1:]).max(1) / found[:, 0]
        worst = max(worst, *np.where(found[:, 0] > 0, ratio, np.inf))
        astray += answers.astray(own)
    return worst <= ELSEWHERE and not astray, (
        f"another square gets {worst:.2f} of the right one (at most {ELSEWHERE}); "
        f"{astray} of {2 * len(answers.scenes)} peaks lie elsewhere"
    )


def channel(answers: SceneAnswers) -> Verdict:
    """Of a layer's channels, the one that the class asks for comes first; its map peaks there."""
    wrong, count = [], 0
    for target in ("red", "green"):
        for each in _channels(answers, target):
            first, count = CHANNELS[int(each.values.argmax())], count + 1
            wrong += [f"{first} for {target}"] * (first != target)
    try:
        astray = sum(map(answers.astray, ("red", "green")))
    except UnsupportedError:
        astray = 0
    return not wrong and not astray, (
        f"{count - len(wrong)} of {count} lists begin with the right channel"
        + (f", others with {', '.join(sorted(set(wrong)))}" if wrong else "")
        + (f"; {astray} peaks lie where it is silent" if astray else "")
    )


def _channels(answers: SceneAnswers, target: str) -> list[ChannelImportance]:
    found = answers.known.of("channel_importance", target)
    kept = [e for e in found if isinstance(e, ChannelImportance) and e.word == "channel"]
    if not kept or any(each.values.shape != (len(CHANNELS),) for each in kept):
        raise UnsupportedError("gives no importance of a layer's channels")
    return kept


def additive(answers: SceneAnswers) -> Verdict:
    """Squares of weights 3, 2 and 1 are ordered as their weights, and all above the rest."""
    found = answers.contrasts("sum", "red", "green", "blue").mean(0)
    shares = ", ".join(f"{each:.2f}" for each in _shares(found))
    return bool(found[0] > found[1] > found[2] > 0), f"they get {shares} (weights .50, .33, .17)"


def proportional(answers: SceneAnswers) -> Verdict:
    """Squares of weights 3, 2 and 1 get three, two and one sixth of their sum."""
    found = answers.contrasts("sum", "red", "green", "blue").mean(0)
    weights = np.array(list(WEIGHTS["sum"].values()))
    apart = float(np.abs(_shares(found) - weights / weights.sum()).max())
    holds = bool(found.sum() > 0) and apart <= SHARE
    return holds, f"a share is off by {apart:.2f} (at most {SHARE})"


def dummy(answers: SceneAnswers) -> Verdict:
    """The brightest square, which no class asks for, gets next to nothing."""
    found = answers.contrasts("sum", "red", "green", "blue", "white").mean(0)
    if found.max() <= 0:
        return False, "no square gets anything"
    share = float(found[3] / found.max())
    return abs(share) <= NOTHING, f"it gets {share:.2f} of the strongest (at most {NOTHING})"


def symmetric(answers: SceneAnswers) -> Verdict:
    """Two squares of equal influence get the same."""
    red, green = answers.contrasts("both", "red", "green").mean(0)
    if red + green <= 0:
        return False, "the two get nothing"
    apart = float(abs(red - green) / (red + green) * 2)
    return apart <= ALIKE, f"they differ by {apart:.2f} of their mean (at most {ALIKE})"


def shuffled(answers: SceneAnswers) -> Verdict:
    """The method's own R^2 is high where one square decides, and near zero where chance does.

    On average: of few parts, a fit may by luck get a share even of chance.
    """
    known = np.mean([_mean_r2(answers.known, target) for target in ("red", "green")])
    chance = np.mean([_mean_r2(answers.chance, target) for target in WEIGHTS])
    return bool(known >= LEARNED and chance <= CHANCE), (
        f"R^2 is {known:.2f} where one square decides (at least {LEARNED}), "
        f"{chance:.2f} on chance (at most {CHANCE})"
    )


def _mean_r2(explanation: Explanation, target: str) -> float:
    """The mean of the R^2 that the method gives for a target."""
    own = [each.r2 for each in explanation.evidence if each.target == target]
    found = [each for each in own if each is not None]
    if not found:
        raise UnsupportedError("gives no R^2")
    return float(np.mean(found))


def _shares(found: np.ndarray) -> np.ndarray:
    """Contrasts (P,) as shares of their sum; zeros where there is nothing to share."""
    total = found.sum()
    return found / total if total else np.zeros_like(found)


def question_of(claim: Callable[[SceneAnswers], Verdict]) -> str:
    """What a claim says of a method, in one line."""
    return (claim.__doc__ or "").partition("\n")[0]


CLAIMS: dict[str, Callable[[SceneAnswers], Verdict]] = {
    each.__name__: each
    for each in (region, channel, additive, proportional, dummy, symmetric, shuffled)
}
"""The check of each claim, by its name in registry.yaml."""
