"""An answer averaged over noisy copies of an image, or over other draws by their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interp.context import Budget
from interp.engine.convergence import SETTLED, reliability, rounds
from interp.engine.random import draw_noise
from interp.lazy_type import Tensor


def noisy_copies(image: Tensor, noise: float, seed: int, numbers: Sequence[int]) -> Tensor:
    """Copies x + s (max x - min x) e_i of an image x (C, h, w), e_i ~ N(0, 1), s = `noise`.

    Returns (B, C, h, w). Copy i depends on the seed and i alone, whatever the batch or device.
    """
    import torch

    size = noise * float(image.max() - image.min())
    shape = tuple(image.shape)
    drawn = np.stack([draw_noise(seed, each, shape) for each in numbers])
    return image + size * torch.from_numpy(drawn).to(image.device)


@dataclass
class RunningMean:
    """The mean over draws and its standard error, from running sums.

    Of NumPy arrays or tensors, in their own precision: give float64.
    """

    count: int = 0
    total: Any = 0.0
    squares: Any = 0.0

    def add(self, values: Any) -> None:
        """Add the values (B, ...) of B draws."""
        self.total = self.total + values.sum(0)
        self.squares = self.squares + (values * values).sum(0)
        self.count += len(values)

    @property
    def mean(self) -> Any:
        """The mean over the draws."""
        return self.total / self.count

    @property
    def variance(self) -> Any:
        """The mean of squares less the square of the mean, never below 0."""
        return (self.squares / self.count - self.mean**2).clip(0)

    @property
    def error(self) -> Any:
        """Standard error of the mean, of two draws or more."""
        return (self.variance / (self.count - 1)) ** 0.5


def until_stable(
    wanted: int, budget: Budget, draw: Callable[[int], tuple[np.ndarray, np.ndarray | None]]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Maps (T, h, w) and their standard errors once `wanted` draws are in.

    draw(upto) draws until there are `upto`, and returns both; errors are None where they cannot be
    told; then it stops. Where the budget says until stable or ranked, the draws, two at least, are
    doubled until every map is stable: pixels are no parts to rank.
    """
    maps: np.ndarray = np.empty(0)
    errors: np.ndarray | None = None
    first = max(2, wanted)
    for upto in rounds(first, first, budget) if budget.until != "samples" else [wanted]:
        maps, errors = draw(upto)
        if errors is None or all(map(_settled, maps, errors)):
            break
    return maps, errors


def _settled(values: np.ndarray, errors: np.ndarray) -> bool:
    return reliability(values, errors) >= SETTLED
