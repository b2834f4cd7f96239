"""How steeply scores change when a channel of a layer is raised everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interp.context import Context
from interp.cut import Cut, Frontier, Output
from interp.engine.slopes import Slopes
from interp.target import Target


def channel_slopes(
    cut: Cut, frontier: Frontier, targets: Sequence[Target], output: Output, context: Context
) -> np.ndarray:
    """d score_t / d e where e is added to every cell of channel c, (C, T) float64.

    The derivative along any direction v (C,) that is the same in all cells is v . slopes, so that
    these serve for every concept at once.
    """
    maps = frontier.activation
    raised = maps.new_ones((1, *maps.shape[1:])).float()
    found = Slopes(cut, frontier, targets, output, context).by_channel(raised)
    return np.asarray(found.T.double().cpu().numpy())
