"""Channels switched on and off: the states of a layer's gates."""

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
"""Bytes of drawn states that are kept."""


@dataclass(frozen=True, eq=False)
class ChannelDesign(Design):
    """States (B, C): 1 for an open channel, 0 for a closed one. GateSubject answers to them.

    Every image meets the same states: the key holds their law alone, the subject's the image.
    """

    parts: int
    device: torch.device
    chunk = 128

    def apply(self, states: Tensor) -> Tensor:
        return states

    def distance(self, states: Tensor) -> Tensor:
        """||1 - d||^2, (B,): how many gates are closed, whatever the channels hold (CHIP's)."""
        closed = 1 - states
        return (closed * closed).sum(1).double()

    def paint(self, weights: np.ndarray) -> np.ndarray:
        raise UnsupportedError("a channel has no place in the image; show ChannelImportance")


@dataclass(frozen=True, eq=False)
class GateDesign(ChannelDesign, SampledDesign):
    """Random gates: each channel is open with probability `keep`, or at each state's own rate."""

    seed: int
    stream: str = "gates"
    keep: KeepProbability = 0.5

    @property
    def key(self) -> str:  # type: ignore[override]
        """The law of the states."""
        return content_key(self.parts, self.seed, self.stream, self.keep)

    def draw(self, chunk: int) -> Tensor:
        """As SampledDesign draws; what was drawn last is kept for the next image."""
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
    """All open, all closed, then each channel alone closed: C + 2 states."""

    @property
    def key(self) -> str:  # type: ignore[override]
        """The number of channels."""
        return content_key(self.parts, "one channel closed")
