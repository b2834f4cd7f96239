"""When a sampled answer is settled: its reliability, its largest parts, how many samples to try."""

from __future__ import annotations

import numpy as np

from interp.context import Budget

SETTLED = 0.95
"""The least reliability of a stable answer; our choice."""
TOP, ALIKE = 3, 0.1
"""Parts that are to be known as the largest, and the share of the largest |value| by which two
parts have to differ to be told apart; our choice."""
MOST = 16
"""The most samples that are taken for a stable answer, as a multiple of the method's own number."""


def rounds(first: int, count: int, budget: Budget) -> list[int]:
    """Numbers of samples after which to check for a stable answer: `first`, then doubled.

    The last is the budget's number, or MOST times the method's own `count`.
    """
    limit = count if budget.samples is not None else MOST * count
    doubled = [first << each for each in range(64) if first << each < limit]
    return [*doubled, limit]


def reliability(values: np.ndarray, errors: np.ndarray) -> float:
    """Reliability of the values (Q,), 0 to 1: the expected correlation with another seed's.

    1 - mean squared standard error / variance of the values over the features, as psychometrics
    defines the reliability of a measurement. 0 where the values do not vary.
    """
    spread = float(np.var(values))
    return float(np.clip(1 - np.mean(np.square(errors)) / spread, 0, 1)) if spread > 0 else 0.0


def ranking(values: np.ndarray, errors: np.ndarray, buckets: int) -> float:
    """Chance, at least, that the TOP largest of the values (Q,) are so, up to ALIKE.

    One less the sum over pairs of one of these and another part of the chance that the other is
    larger by more than ALIKE of the largest |value|: Bonferroni's bound, and the indifference zone
    of R. E. Bechhofer, Annals of Mathematical Statistics 25, 1954. Errors are jackknifed over so
    many `buckets`, hence Student's t.
    """
    from scipy.stats import t as student

    order = np.argsort(-values)
    top, rest = order[:TOP], order[TOP:]
    margin = ALIKE * float(np.abs(values).max(initial=0.0))
    apart = values[top][:, None] - values[rest] + margin  # (TOP, Q - TOP)
    spread = np.hypot(errors[top][:, None], errors[rest])
    doubt = student.sf(apart / np.maximum(spread, 1e-12), max(buckets - 1, 1))
    return float(np.clip(1 - doubt.sum(), 0, 1))


def trust(
    budget: Budget, values: np.ndarray, errors: np.ndarray | None, buckets: int
) -> tuple[float | None, str]:
    """How far the values (Q,) of parts are what budget.until asks for, and what that is called.

    From SETTLED on they are; None without standard errors, which are jackknifed over `buckets`.
    """
    if budget.until == "ranked":
        found = None if errors is None else ranking(values, errors, buckets)
        return found, f"certainty of the {TOP} largest parts"
    return None if errors is None else reliability(values, errors), "reliability"


def unsettled(name: str, found: float | None, samples: int, what: str = "reliability") -> list[str]:
    """A note where the answer is not settled; nothing where it is, or where that is unknown."""
    if found is None or found >= SETTLED:
        return []
    measured = f"{what} {found:.2f}, wanted {SETTLED}"
    return [f"{name}: not settled after {samples} samples ({measured}); give more --budget"]
