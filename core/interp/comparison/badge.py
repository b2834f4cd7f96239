"""What is known of how far a method's answer can be trusted: the same badges for every method.

Poor is, by one rule everywhere, what explains or repeats less than half of the variance (POOR_FIT),
what fails every check with a known answer, and what an evaluation finds no better than maps that
see no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from interp.engine.convergence import reliability
from interp.evidence import Evidence, is_poor, marked_fit
from interp.explanation import Explanation
from interp.registry.known_answer import known_answers
from interp.registry.manifest import MethodEntry
from interp.result.draw import maps_by_target

UNTOLD = "does not tell"


class Evaluated(Protocol):
    """What evaluations say of a method on a model, as interp.evaluation.summary adds it up."""

    @property
    def better(self) -> int:
        """Comparisons with blind maps in which the method is better, beyond chance."""

    @property
    def worse(self) -> int:
        """Those in which it is worse."""

    @property
    def pairs(self) -> int:
        """All of them."""

    @property
    def same_model(self) -> bool:
        """Whether the evaluations are of the model that is explained."""

    @property
    def score(self) -> float:
        """From -1, worse than every blind map by every metric, to 1."""


@dataclass(frozen=True)
class Badge:
    """One thing that is known of a method or its answer, in words."""

    about: Literal["fit", "standard error", "interp check", "evaluation"]
    words: str
    state: Literal["good", "poor", "unknown"] = "good"

    def __str__(self) -> str:
        return f"{self.about}: {self.words}"


def answer_badges(found: Explanation, target: str, image: int = 0) -> tuple[Badge, ...]:
    """How well the map of a target fits, and how far another seed's would differ."""
    mapped = maps_by_target(found, [target], image).get(target)
    share = found.scores_of(target, image).get("reliability")
    if share is None and mapped is not None:
        share = _reliability(mapped)
    return _fit(None if mapped is None else mapped.r2), _error(share, bool(found.samples))


def method_badges(entry: MethodEntry, evaluated: Evaluated | None) -> tuple[Badge, ...]:
    """What interp check measured of a method, and what evaluations found on the model.

    Of a method that is not built in, what its package promises; nothing was measured here.
    """
    return _checked(entry), _measured(evaluated)


def line(badges: tuple[Badge, ...]) -> str:
    """Badges as one line of text."""
    return " · ".join(map(str, badges))


def _fit(r2: float | None) -> Badge:
    if r2 is None:
        return Badge("fit", UNTOLD, "unknown")
    return Badge("fit", marked_fit(r2), "poor" if is_poor(r2) else "good")


def _reliability(mapped: Evidence) -> float | None:
    """Of a map with standard errors; None for one without."""
    values, errors = mapped.map(), mapped.error_map()
    if values is None or errors is None:
        return None
    return reliability(values.ravel(), errors.ravel())


def _error(share: float | None, sampled: bool) -> Badge:
    if share is None:
        words = UNTOLD if sampled else "none, it takes no samples"
        return Badge("standard error", words, "unknown" if sampled else "good")
    poor = is_poor(share)
    words = f"reliability {share:.2f}{', poor' if poor else ''}"
    return Badge("standard error", words, "poor" if poor else "good")


def _checked(entry: MethodEntry) -> Badge:
    found = known_answers(entry.name)
    if found is None:
        promised = f"promises {', '.join(entry.claims)}" if entry.claims else "promises nothing"
        return Badge("interp check", f"{promised}; not measured here", "unknown")
    if not any(found):
        return Badge("interp check", "nothing to measure", "unknown")
    parts = [f"passes {', '.join(found.passed)}"] if found.passed else []
    parts += [f"fails {', '.join(found.failed)}"] if found.failed else []
    words, poor = "; ".join(parts), not found.passed
    return Badge("interp check", f"{words}{', poor' if poor else ''}", "poor" if poor else "good")


def _measured(evaluated: Evaluated | None) -> Badge:
    if evaluated is None or not evaluated.same_model:
        return Badge("evaluation", "none of this model", "unknown")
    words = f"better than blind maps in {evaluated.better} of {evaluated.pairs}"
    if evaluated.worse:
        words += f", worse in {evaluated.worse}"
    poor = evaluated.score <= 0
    return Badge("evaluation", f"{words}{', poor' if poor else ''}", "poor" if poor else "good")
