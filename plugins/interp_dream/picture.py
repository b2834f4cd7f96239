"""Pictures as functions of what is optimised: Fourier coefficients, or phases alone."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp_dream.image_statistics import Statistics, to_planes

if TYPE_CHECKING:
    from torch import Tensor

START = 0.01
"""Standard deviation of the first Fourier coefficients, before they are scaled."""
STEEP = 4.0
"""1 / slope of the sigmoid in its middle."""


@dataclass(frozen=True, eq=False)
class Picture(ABC):
    """A picture (1, C, h, w) in [0, 1], recorded for autograd, of a `leaf` that is optimised."""

    statistics: Statistics
    leaf: Tensor

    @classmethod
    @abstractmethod
    def draw(cls, statistics: Statistics, random: np.random.Generator) -> Picture:
        """A picture to begin with."""

    @abstractmethod
    def pixels(self) -> Tensor:
        """The picture as it stands, (1, C, h, w)."""

    def colours(self, planes: Tensor) -> Tensor:
        """Decorrelated planes (C, h, w) mixed to the channels of an image, less its mean."""
        import torch

        return torch.tensordot(self.statistics.mixing, planes, 1)


@dataclass(frozen=True, eq=False)
class FourierPicture(Picture):
    """sigmoid(logit(mean) + 4 M F^-1[z / f^decay]), with free coefficients z.

    F is the unitary Fourier transform, M mixes decorrelated planes to colours. z, the `leaf`, holds
    real and imaginary parts, (C, h, w // 2 + 1, 2).
    """

    @classmethod
    def draw(cls, statistics: Statistics, random: np.random.Generator) -> FourierPicture:
        like = statistics.magnitude
        start = START * random.standard_normal((*like.shape, 2))
        return cls(statistics, like.new_tensor(start).requires_grad_())

    def pixels(self) -> Tensor:
        import torch

        spectrum = torch.view_as_complex(self.leaf) * self.statistics.slope
        mean = self.statistics.mean.logit()[:, None, None]
        planes = to_planes(spectrum, self.statistics.size)
        return (mean + STEEP * self.colours(planes)).sigmoid()[None]


@dataclass(frozen=True, eq=False)
class PhasePicture(Picture):
    """mean + M F^-1[r exp(i phi)], cut to [0, 1], with a fixed spectrum r and free phases phi.

    phi, the `leaf`, is (C, h, w // 2 + 1).
    """

    @classmethod
    def draw(cls, statistics: Statistics, random: np.random.Generator) -> PhasePicture:
        like = statistics.magnitude
        start = random.uniform(-math.pi, math.pi, like.shape)
        return cls(statistics, like.new_tensor(start).requires_grad_())

    def planes(self) -> Tensor:
        """The decorrelated planes (C, h, w), whose spectrum has exactly the magnitude r."""
        import torch

        phases = hermitian(self.leaf, self.statistics.size[1])
        return to_planes(torch.polar(self.statistics.magnitude, phases), self.statistics.size)

    def pixels(self) -> Tensor:
        mean = self.statistics.mean[:, None, None]
        return (mean + self.colours(self.planes())).clamp(0, 1)[None]


def hermitian(phases: Tensor, width: int) -> Tensor:
    """Phases (..., h, w') with those of a real image in the columns that hold both of a pair.

    There phi(-y) must be -phi(y), or the inverse transform would change the magnitude.
    """
    import torch

    opposite = torch.roll(phases.flip(-2), 1, -2)
    paired = torch.zeros(phases.shape[-1], dtype=torch.bool, device=phases.device)
    paired[0] = True
    paired[-1] = paired[-1] | (width % 2 == 0)
    return torch.where(paired, (phases - opposite) / 2, phases)
