"""When a sampled answer is stable: its reliability, and how many samples to try."""

from __future__ import annotations

import numpy as np

from interp.context import Budget

SETTLED = 0.95
"""The least reliability of a stable answer; our choice."""
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


def unsettled(name: str, found: float | None, samples: int) -> list[str]:
    """A note where the answer is not stable; nothing where it is, or where that is unknown."""
    if found is None or found >= SETTLED:
        return []
    measured = f"reliability {found:.2f}, wanted {SETTLED}"
    return [f"{name}: not settled after {samples} samples ({measured}); give more --budget"]
