"""A gradient over three colours as one map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from interp_captum.method import CaptumParams

if TYPE_CHECKING:
    from torch import Tensor


class ColourParams(CaptumParams):
    """What a method that shows a gradient is asked."""

    signed: bool = Field(
        False,
        description="sum of the slopes on the three colours, with sign; "
        "otherwise the largest size among them",
    )


def over_colours(slopes: Tensor, signed: bool) -> np.ndarray:
    """Slopes (3, h, w) as a map (h, w): their sum, or the largest absolute value."""
    chosen = slopes.sum(0) if signed else slopes.abs().amax(0)
    found: np.ndarray = chosen.float().cpu().numpy()
    return found
