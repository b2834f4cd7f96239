"""Improved SemHash: codes of 0 and 1 that gradients pass."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Mixture = Literal["samples", "channels", "hard", "soft"]


def soft(noisy: Tensor) -> Tensor:
    """clip(1.2 sigmoid(g) - .1, 0, 1): exactly 0 or 1 where |g| > ln 11."""
    return (1.2 * noisy.sigmoid() - 0.1).clamp(0, 1)


def semhash(noisy: Tensor, hard: Tensor) -> Tensor:
    """1[g > 0] where `hard`, soft(g) elsewhere; the gradient is soft's everywhere.

    g (B, n) already holds its noise; hard is boolean and broadcasts to it.
    """
    gentle = soft(noisy)
    straight = (noisy > 0).to(noisy.dtype) + (gentle - gentle.detach())  # the sum's last term is 0
    return torch.where(hard, straight, gentle)


def mixed(shape: torch.Size, mixture: Mixture, device: torch.device) -> Tensor:
    """Where a training step is hard, boolean, broadcast to codes (B, n).

    Drawn from torch's global generator, as dropout is: training seeds it and puts it back.
    "channels": n // 2 draws with replacement, the same for all images.
    """
    count, filters = shape
    if mixture == "samples":
        return (torch.rand(count, device=device).argsort() < count // 2)[:, None]
    if mixture == "channels":
        drawn = torch.randint(filters, (filters // 2,), device=device)
        return torch.zeros(filters, dtype=torch.bool, device=device).index_fill(0, drawn, True)
    return torch.full((1, 1), mixture == "hard", device=device)
