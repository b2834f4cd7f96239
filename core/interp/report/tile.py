"""A map drawn alone: the words and the legend stand beside it, in the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from interp.evidence import Evidence


@dataclass(frozen=True, eq=False, kw_only=True)
class Tile(Evidence):
    """Shares (h, w) of a scale's end: in [-1, 1], or in [0, 1] unless `signed`."""

    kind: ClassVar[str] = "tile"
    values: np.ndarray
    signed: bool = True
