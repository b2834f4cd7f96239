"""Maps averaged over noisy copies of an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from interp.context import Context
from interp.engine.convergence import reliability, unsettled
from interp.engine.noise import RunningMean, noisy_copies, until_stable
from interp_cam.views import Views

Maps = Callable[[Views], np.ndarray]
"""Maps (B, T, h, w) of images."""
LEAST = 2
"""Copies of which a standard error can be told."""


@dataclass(eq=False)
class NoisyMaps:
    """The mean map over the noisy copies of an image, `noise` being their share of its range."""

    noise: float
    copies: int
    batch: int
    """Most copies that are run at once."""
    context: Context
    seen: RunningMean = field(default_factory=RunningMean)

    @property
    def count(self) -> int:
        """How many copies were run."""
        return self.seen.count

    def average(self, views: Views, maps: Maps) -> tuple[np.ndarray, np.ndarray]:
        """The mean map for each target of one image, and its standard error, (T, h, w) each."""
        wanted = max(LEAST, self.context.samples(self.copies))
        mean, error = until_stable(
            wanted, self.context.budget, lambda upto: self._draw(views, maps, upto)
        )
        assert error is not None  # noqa: S101 - of two copies or more
        return mean, error

    def trust(
        self, names: Sequence[str], maps: np.ndarray, errors: np.ndarray
    ) -> tuple[dict[str, Any], list[str]]:
        """Each target's reliability with the number of copies, and what has not settled."""
        scores: dict[str, Any] = {}
        notes: list[str] = []
        for name, values, error in zip(names, maps, errors, strict=True):
            trust = reliability(values, error)
            scores[name] = {"reliability": round(trust, 4), "samples": self.count}
            if self.context.budget.until != "samples":
                notes += unsettled(name, trust, self.count)
        return scores, notes

    def _draw(self, views: Views, maps: Maps, upto: int) -> tuple[np.ndarray, np.ndarray]:
        """Run copies until there are `upto`, or the time is spent; their mean and its error."""
        while self.count < upto and not (self.context.out_of_time() and self.count >= LEAST):
            numbers = range(self.count, min(self.count + self.batch, upto))
            copies = noisy_copies(views.pixels[0], self.noise, self.context.seed, numbers)
            self.seen.add(maps(Views(views.model, copies)).astype(np.float64))  # (B, T, h, w)
            self.context.progress("noisy copies", self.count, upto)
        return self.seen.mean.astype(np.float32), self.seen.error.astype(np.float32)
