"""The Shapley kernel: the weights under which least squares gives Shapley values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def log_kernel(states: Tensor) -> Tensor:
    """log of (P - 1) / (C(P, s) s (P - s)) for states (B, P) with s parts on, (B,).

    -inf for the full and the empty state: these enter as the constraint. S. Lundberg, S.-I. Lee:
    A Unified Approach to Interpreting Model Predictions, NeurIPS 2017.
    """
    import torch

    parts = states.shape[1]
    size = states.double().sum(1)
    inside = (size > 0) & (size < parts)
    s = size.where(inside, torch.ones_like(size))
    total = torch.full_like(s, parts)
    choose = (total + 1).lgamma() - (s + 1).lgamma() - (total - s + 1).lgamma()
    found = (total - 1).log() - choose - s.log() - (total - s).log()
    return found.masked_fill(~inside, -torch.inf)
