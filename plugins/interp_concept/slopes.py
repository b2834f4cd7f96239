"""How steeply scores change when a channel of a layer is raised everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from interp.context import Context
from interp.cut import Cut, Frontier, Output
from interp.target import Target

CHANNELS = 64
"""Most directions differentiated at once; a run can be stopped in between."""
BYTES = 1 << 25
"""Memory that the directions differentiated at once may take."""


def channel_slopes(
    cut: Cut, frontier: Frontier, targets: Sequence[Target], output: Output, context: Context
) -> np.ndarray:
    """d score_t / d e where e is added to every cell of channel c, (C, T) float64.

    The derivative along any direction v (C,) that is the same in all cells is v . slopes, so that
    these serve for every concept at once.
    """
    maps = frontier.activation
    batch = max(1, min(CHANNELS, BYTES // max(maps[0].nbytes, 1)))
    found: list[Tensor] = []
    for chosen in torch.arange(maps.shape[1], device=maps.device).split(batch):
        context.out_of_time()
        raised = torch.zeros(len(chosen), *maps.shape[1:], device=maps.device)
        raised[torch.arange(len(chosen)), chosen] = 1
        found.append(cut.derivative(frontier, raised, targets, output))
    return np.asarray(torch.cat(found).double().cpu().numpy())
