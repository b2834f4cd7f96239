"""MINT's locality weight: perturbed images near the original count more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp.engine.component import Weighting
from interp.engine.design import Design

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES = 1000
"""States whose median distance is sigma^2: fixed, so that more samples change no weight."""


@dataclass(frozen=True)
class Locality(Weighting):
    """h_X(Z) = exp(-||X - Z||^2 / sigma^2) (Eq. 8), pixels in [0, 1]."""

    sigma2: float

    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        return (-design.distance(states) / self.sigma2).exp()


def locality(design: Design, sigma: float | None) -> Locality:
    """The weight for `sigma`; by default sigma^2 is the median of ||X - Z||^2 (ours)."""
    import torch

    if sigma is not None:
        return Locality(sigma**2)
    chunks = range(-(-SAMPLES // design.chunk))
    distances = torch.cat([design.distance(design.draw(chunk)) for chunk in chunks])
    return Locality(float(distances[:SAMPLES].median()) or 1.0)
