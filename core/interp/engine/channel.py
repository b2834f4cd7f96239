"""Designs of a layer's gates: which channels are open and which are closed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from interp.engine.design import Design, SampledDesign, SingleDesign
from interp.engine.random import KeepProbability, content_key
from interp.errors import UnsupportedError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

KEPT = 1 << 26
"""Bytes of drawn states that a design keeps."""


@dataclass(frozen=True, eq=False)
class ChannelDesign(Design):
    """States (B, C): 1 for an open channel, 0 for a closed one; for a GateSubject.

    The states are the same for every image: only the subject's key holds the image.
    """

    parts: int
    device: torch.device
    chunk = 128

    def apply(self, states: Tensor) -> Tensor:
        return states

    def distance(self, states: Tensor) -> Tensor:
        """||1 - d||^2 of gates d, (B,): how many are closed, whatever the channels hold (CHIP)."""
        closed = 1 - states
        return (closed * closed).sum(1).double()

    def paint(self, weights: np.ndarray) -> np.ndarray:
        raise UnsupportedError("a channel has no place in the image; show ChannelImportance")


@dataclass(frozen=True, eq=False)
class GateDesign(ChannelDesign, SampledDesign):
    """Random gates: each channel is open with probability `keep`."""

    seed: int
    stream: str = "gates"
    keep: KeepProbability = 0.5

    @property
    def key(self) -> str:  # type: ignore[override]
        return content_key(self.parts, self.seed, self.stream, self.keep)

    def draw(self, chunk: int) -> Tensor:
        """The chunk's states as SampledDesign draws them; kept for the next image."""
        if chunk not in self._drawn:
            if len(self._drawn) * self.chunk * self.parts > KEPT:
                self._drawn.clear()
            self._drawn[chunk] = super().draw(chunk)
        return self._drawn[chunk]

    @cached_property
    def _drawn(self) -> dict[int, Tensor]:
        return {}


@dataclass(frozen=True, eq=False)
class AblationDesign(SingleDesign, ChannelDesign):
    """All channels open, all closed, then each one alone closed: C + 2 states."""

    @property
    def key(self) -> str:  # type: ignore[override]
        return content_key(self.parts, "one channel closed")
