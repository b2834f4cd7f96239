"""MINT's locality weight: perturbed images near the original count more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp.engine.component import Weighting

if TYPE_CHECKING:
    from torch import Tensor

    from interp.engine.design import Design

SAMPLES = 1000
"""States whose median distance is sigma^2: fixed, so that more samples change no weight."""


@dataclass(frozen=True)
class Locality(Weighting):
    """h_X(Z) = exp(-||X - Z||^2 / sigma^2) (Eq. 8), pixels in [0, 1]."""

    sigma2: float

    def weigh(self, design: Design, states: Tensor, scores: Tensor) -> Tensor:
        return (-design.distance(states) / self.sigma2).exp()


def locality(design: Design, sigma: float | None) -> Locality:
    """With sigma, or with sigma^2 = the median of ||X - Z||^2 (ours: the paper gives none)."""
    import torch

    if sigma is not None:
        return Locality(sigma**2)
    chunks = range(-(-SAMPLES // design.chunk))
    distances = torch.cat([design.distance(design.draw(chunk)) for chunk in chunks])
    return Locality(float(distances[:SAMPLES].median()) or 1.0)
