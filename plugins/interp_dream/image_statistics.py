"""Statistics of images that pictures are made to share: mean colour, correlation, spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.spec import InputSpec

if TYPE_CHECKING:
    from torch import Tensor

NATURAL = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""Square root of the covariance of RGB in [0, 1] over ImageNet's pixels, as Lucid publishes it."""
FLOOR = 1e-4
"""Least variance of a colour direction, for images of one colour."""
DARK = 0.02
"""Mean colours are kept this far from 0 and 1, whose logit is infinite."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Pixels are `mean` (C,) + `mixing` (C, C) times decorrelated planes (C, h, w).

    `magnitude` (C, h, w // 2 + 1) is the planes' spectrum, by torch.fft.rfft2 with norm "ortho";
    `slope` (h, w // 2 + 1) is 1 / f ** decay.
    """

    mean: Tensor
    mixing: Tensor
    magnitude: Tensor
    slope: Tensor
    size: tuple[int, int]

    @classmethod
    def natural(cls, spec: InputSpec, decay: float, like: Tensor) -> Statistics:
        """Of natural images: ImageNet's colours, and an amplitude of 1 / f ** decay.

        Other channels than three are taken as independent, with the spread that the model's
        normalisation names.
        """
        spread = spec.std * 3 if len(spec.std) == 1 else spec.std
        mixing = like.new_tensor(NATURAL) if spec.channels == 3 else like.new_tensor(spread).diag()
        mean = like.new_tensor(spec.fill).clamp(DARK, 1 - DARK)
        slope = frequencies(spec.size, like) ** -decay
        varied = slope.clone()
        varied[0, 0] = 0  # the mean colour is kept apart
        power = mirrored(varied.square(), spec.size[1]).sum() / (spec.size[0] * spec.size[1])
        magnitude = (varied / power.sqrt()).expand(spec.channels, -1, -1)
        return cls(mean, mixing, magnitude, slope, spec.size)

    @classmethod
    def of(cls, images: Tensor, decay: float) -> Statistics:
        """Of images (N, C, h, w): the principal axes of their colours, and the mean spectrum."""
        import torch

        colours = images.double().movedim(1, 0).flatten(1)  # (C, N h w)
        mean = colours.mean(1)
        covariance = (colours - mean[:, None]) @ (colours - mean[:, None]).T / colours.shape[1]
        variance, axes = torch.linalg.eigh(covariance)
        largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
        mixing = axes * largest.sign() * variance.clamp(min=FLOOR).sqrt()
        planes = torch.linalg.solve(mixing, colours - mean[:, None])
        planes = planes.unflatten(1, (len(images), *images.shape[2:])).movedim(0, 1)
        magnitude = to_spectrum(planes).abs().mean(0)
        magnitude[:, 0, 0] = 0  # the mean colour is the data's
        size = (images.shape[2], images.shape[3])
        mean = mean.clamp(DARK, 1 - DARK).to(images)
        slope = frequencies(size, images) ** -decay
        return cls(mean, mixing.to(images), magnitude.to(images), slope, size)


def to_spectrum(planes: Tensor) -> Tensor:
    """The half spectrum (..., h, w // 2 + 1) of real planes (..., h, w), unitary."""
    import torch

    return torch.fft.rfft2(planes, norm="ortho")


def to_planes(spectrum: Tensor, size: tuple[int, int]) -> Tensor:
    """The real planes (..., h, w) of a half spectrum (..., h, w // 2 + 1), unitary."""
    import torch

    return torch.fft.irfft2(spectrum, s=size, norm="ortho")


def frequencies(size: tuple[int, int], like: Tensor) -> Tensor:
    """|f| of the half spectrum in cycles per pixel, (h, w // 2 + 1), 1 / longer side at least."""
    rows, columns = np.fft.fftfreq(size[0]), np.fft.rfftfreq(size[1])
    found = np.hypot(rows[:, None], columns[None])
    return like.new_tensor(np.maximum(found, 1 / max(size)))


def mirrored(values: Tensor, width: int) -> Tensor:
    """Values of the half spectrum, doubled where the other half repeats them, (..., h, w')."""
    import torch

    twice = torch.full((values.shape[-1],), 2.0, dtype=values.dtype, device=values.device)
    twice[0] = 1
    if width % 2 == 0:
        twice[-1] = 1
    return values * twice
