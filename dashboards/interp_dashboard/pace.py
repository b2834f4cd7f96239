"""How far a run is, and how long the rest of it will take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

WHOLE = ("images", "methods on images", "methods tried", "pictures of the sample")
"""Labels that count what the whole run consists of; others belong to a step of it."""
MOST = 0.99
"""Share that is shown of a run that has not ended."""
LEAST, SOONEST = 0.02, 1.0
"""Share and seconds after which the rest is estimated."""
GROWTH = 1.25
"""A longer estimate is told once it is longer by this factor."""


@dataclass
class Pace:
    """The step that a run is at, the finished share of the whole run, and when it will end."""

    label: str = "starting"
    done: int = 0
    total: int | None = None
    share: float | None = None
    """Finished share of the whole run, in [0, MOST]; it never falls. None where unknown."""
    end: float | None = None
    """When the run will have ended, on the monotonic clock; None where unknown."""
    begun: float = field(default_factory=time.monotonic)
    weights: tuple[float, ...] = ()
    """What each part of the run takes, in any unit, where that is known before."""
    seconds: bool = False
    """Whether the weights are seconds."""
    part: int = 0
    base: float = 0.0
    """Share that was finished when the present plan was made."""
    outer: tuple[int, int] | None = None
    """The last count of the whole run, where it counts itself."""
    inner: float = 0.0
    """Finished share of the present part."""
    only: str | None = None
    """The one label that counts, in a run of one step."""

    def plan(self, weights: Sequence[float], seconds: bool = False) -> None:
        """Say what the parts to come take; what was done before keeps its share."""
        self.weights, self.seconds = tuple(weights), seconds
        self.base, self.begun = self.share or 0.0, time.monotonic()
        self.part, self.inner = 0, 0.0

    def next_part(self) -> None:
        """The present part has ended."""
        self.part, self.inner = self.part + 1, 0.0

    def update(self, label: str, done: int, total: int | None) -> None:
        """Progress callback of a run."""
        self.label, self.done, self.total = label, done, total
        portion = self._portion(label, done / total if total else None)
        if portion is None:
            return
        share = min(MOST, self.base + (1 - self.base) * portion)
        self.share = max(share, self.share or 0.0)
        self._estimate(portion)

    @property
    def left(self) -> float | None:
        """Seconds until the end of the run; None where unknown or overdue."""
        left = None if self.end is None else self.end - time.monotonic()
        return left if left is not None and left > 0 else None

    def _portion(self, label: str, step: float | None) -> float | None:
        """The finished share of the present plan; None where it is as before, or unknown."""
        whole = label.rpartition(": ")[2] in WHOLE
        if self.weights:
            if step is not None and not whole:
                self.inner = max(self.inner, step)
            done = sum(self.weights[: self.part])
            now = self.weights[self.part] if self.part < len(self.weights) else 0.0
            return (done + self.inner * now) / (sum(self.weights) or 1.0)
        if step is None:
            return None
        if whole and self.total:
            self.outer = (self.done, self.total)
            return step
        if self.outer is not None:
            return (self.outer[0] + min(step, 1.0)) / self.outer[1]
        if self.only in (None, label):
            self.only = label
            return step
        self.share = self.end = None  # a second step: nobody knows how many there are
        return None

    def _estimate(self, portion: float) -> None:
        now = time.monotonic()
        passed, left = now - self.begun, None
        if portion >= LEAST and passed >= SOONEST:
            left = passed * (1 - portion) / portion
        if self.seconds:
            planned = sum(self.weights) * (1 - portion)
            left = planned if left is None else (1 - portion) * planned + portion * left
        if left is None:
            return
        shorter = self.end is None or now + left < self.end
        if shorter or left > GROWTH * max(0.0, (self.end or now) - now):
            self.end = now + left
