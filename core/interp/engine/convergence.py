"""When a sampled answer has settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from interp.context import Budget

SETTLED = 0.95
"""The reliability from which on an answer is called stable; our choice."""
MOST = 16
"""How many times a method's own number of samples are taken for a stable answer at most."""


def rounds(first: int, count: int, budget: Budget) -> list[int]:
    """Numbers of samples at which to ask whether an answer has settled: `first`, doubled.

    The last is the budget's number, or MOST times `count`, the method's own.
    """
    limit = count if budget.samples is not None else MOST * count
    doubled = [first << each for each in range(64) if first << each < limit]
    return [*doubled, limit]


def reliability(values: np.ndarray, errors: np.ndarray) -> float:
    """How far a repeat with another seed would agree: the expected correlation of both.

    1 - mean squared standard error / variance of the values over the features, both (Q,): what
    psychometrics calls the reliability of a measurement. 0 where nothing varies.
    """
    spread = float(np.var(values))
    return float(np.clip(1 - np.mean(np.square(errors)) / spread, 0, 1)) if spread > 0 else 0.0


def unsettled(name: str, known: float | None, samples: int) -> list[str]:
    """The note on an answer that was to be stable and is not; nothing where it is."""
    if known is None or known >= SETTLED:
        return []
    found = f"reliability {known:.2f}, wanted {SETTLED}"
    return [f"{name}: not settled after {samples} samples ({found}); give more --budget"]
