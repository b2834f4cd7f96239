"""What a method may claim, each a check of its answers on the known scenes.

A check gives whether it holds and what was measured, and raises UnsupportedError where a method's
answers leave nothing to measure. Maps count by contrast, the mean on a square less the mean away
from all squares: constant offsets and scales make no difference, and blur of a cell's width little.
What is given to parts is spread over their pixels first, so that how a square is cut up is all one.
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
"""Most that another square may get: below it, every threshold from half on shows the right one."""
NOTHING = 0.1
"""Most that the square without influence may get, as a share of the strongest one."""
ALIKE = 0.2
"""How far two equal squares may differ, relative to their mean: the noise of some 1,000 samples."""
SHARE = 0.05
"""How far a square's share of the whole may lie from its weight's: a third of the smallest."""
LEARNED, CHANCE = 0.5, 0.1
"""Least R^2 where one square decides, most where chance does (held out, its mean is below 0)."""


Verdict = tuple[bool, str]


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
        raise UnsupportedError("tells no importance of a layer's channels")
    return kept


def additive(answers: SceneAnswers) -> Verdict:
    """Squares of weights 3, 2 and 1 are ordered as their weights, and all above the rest."""
    found = answers.contrasts("sum", "red", "green", "blue").mean(0)
    said = ", ".join(f"{each:.2f}" for each in _shares(found))
    return bool(found[0] > found[1] > found[2] > 0), f"they get {said} (weights .50, .33, .17)"


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
    known = np.mean([_told(answers.known, target) for target in ("red", "green")])
    chance = np.mean([_told(answers.chance, target) for target in WEIGHTS])
    return bool(known >= LEARNED and chance <= CHANCE), (
        f"R^2 is {known:.2f} where one square decides (at least {LEARNED}), "
        f"{chance:.2f} on chance (at most {CHANCE})"
    )


def _told(explanation: Explanation, target: str) -> float:
    """The mean of what the method says of its fits for a target."""
    found = [each.r2 for each in explanation.evidence if each.target == target]
    told = [each for each in found if each is not None]
    if not told:
        raise UnsupportedError("tells no R^2")
    return float(np.mean(told))


def _shares(found: np.ndarray) -> np.ndarray:
    """Contrasts (P,) as shares of their sum; zeros where there is nothing to share."""
    total = found.sum()
    return found / total if total else np.zeros_like(found)


def asked(claim: Callable[[SceneAnswers], Verdict]) -> str:
    """What a claim says of a method, in one line."""
    return (claim.__doc__ or "").partition("\n")[0]


CLAIMS: dict[str, Callable[[SceneAnswers], Verdict]] = {
    "region": region,
    "channel": channel,
    "additive": additive,
    "proportional": proportional,
    "dummy": dummy,
    "symmetric": symmetric,
    "shuffled": shuffled,
}
"""The names of interp.registry.manifest.Claim and what each asks."""
