"""Maps averaged over noisy copies of an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.context import Context
from interp.engine.convergence import SETTLED, reliability, rounds, unsettled
from interp.engine.random import draw_noise
from interp_cam.views import Views, batch_size

if TYPE_CHECKING:
    from torch import Tensor

Maps = Callable[[Views], np.ndarray]
"""Maps (B, T, h, w) of images."""
LEAST = 2
"""Copies of which a standard error can be told."""


@dataclass(eq=False)
class NoisyMaps:
    """The mean map over copies x + s (max x - min x) e of an image x, e ~ N(0, 1), s = `noise`.

    Copy i depends on the seed and i alone, whatever the batch size or device.
    """

    noise: float
    copies: int
    context: Context
    count: int = 0
    """How many copies were run."""
    _sum: Any = field(default=0.0, repr=False)
    _squares: Any = field(default=0.0, repr=False)

    def average(self, views: Views, maps: Maps) -> tuple[np.ndarray, np.ndarray]:
        """The mean map for each target of one image, and its standard error, (T, h, w) each."""
        budget = self.context.budget
        wanted = max(LEAST, self.context.samples(self.copies))
        for upto in rounds(wanted, wanted, budget) if budget.until == "stable" else [wanted]:
            self._add(views, maps, upto)
            mean, error = self._estimate()
            if self.count < upto or self._settled(mean, error):
                break
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
            if self.context.budget.until == "stable":
                notes += unsettled(name, trust, self.count)
        return scores, notes

    def _add(self, views: Views, maps: Maps, upto: int) -> None:
        """Run copies until there are `upto`, or the time is spent."""
        size = batch_size(views.model, self.context)
        while self.count < upto:
            if self.context.out_of_time() and self.count >= LEAST:
                return
            numbers = range(self.count, min(self.count + size, upto))
            found = maps(self._copies(views, numbers)).astype(np.float64)  # (B, T, h, w)
            self._sum, self._squares = self._sum + found.sum(0), self._squares + (found**2).sum(0)
            self.count += len(numbers)
            self.context.progress("noisy copies", self.count, upto)

    def _copies(self, views: Views, numbers: Sequence[int]) -> Views:
        """Copies of the image by their numbers."""
        import torch

        image: Tensor = views.pixels[0]
        size = self.noise * float(image.max() - image.min())
        drawn = [draw_noise(self.context.seed, each, tuple(image.shape)) for each in numbers]
        noise = torch.stack([views.model.to_device(each) for each in drawn])
        return Views(views.model, image + size * noise)

    def _estimate(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean of the copies' maps and its standard error."""
        mean = self._sum / self.count
        variance = (self._squares / self.count - mean**2).clip(min=0) / (self.count - 1)
        return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)

    def _settled(self, mean: np.ndarray, error: np.ndarray) -> bool:
        """Whether every target's map is stable."""
        return all(reliability(m, e) >= SETTLED for m, e in zip(mean, error, strict=True))
