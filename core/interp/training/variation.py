"""Augmentation of training images: random mirroring and shifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.engine.random import draw_bits
from interp.network.device import send

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Variation:
    """Mirror each image half of the time if `flip`; shift it by up to `pad` pixels, over black.

    What happens to an image depends on seed, epoch and its number alone.
    """

    flip: bool = True
    pad: int = 4

    def vary(self, images: Tensor, chosen: np.ndarray, seed: int, epoch: int, count: int) -> Tensor:
        """Images (B, 3, h, w), the samples `chosen` of `count`, augmented for an epoch."""
        import torch

        bits = draw_bits(seed, "variation", epoch, 3 * count).reshape(count, 3)[chosen]
        if self.flip:
            mirrored = send(bits[:, 0] % 2 == 1, images.device)
            images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        if self.pad:
            shifts = send((bits[:, 1:] % (2 * self.pad + 1)).astype(np.int64), images.device)
            images = _cut(images, shifts, self.pad)
        return images


def _cut(images: Tensor, shifts: Tensor, pad: int) -> Tensor:
    """Windows of images (B, 3, h, w) in a black frame, each at its own (top, left), (B, 2)."""
    import torch
    from torch.nn.functional import pad as framed

    count, _, height, width = images.shape
    device = images.device
    rows = shifts[:, :1] + torch.arange(height, device=device)  # (B, h)
    columns = shifts[:, 1:] + torch.arange(width, device=device)  # (B, w)
    each = torch.arange(count, device=device)[:, None, None]
    frame = framed(images, (pad,) * 4)
    return frame[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
