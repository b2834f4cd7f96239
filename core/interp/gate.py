"""Channels of a layer's activation switched on and off: gates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.design import Design, SampledDesign
from interp.errors import UnsupportedError
from interp.state import Keep, content_key

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class ChannelDesign(Design):
    """States (B, C) in [0, 1] multiply the channels of one image's activation.

    activation (1, C, h, w), tokens (1, T, C) or (1, C).
    """

    activation: Tensor

    @property
    def parts(self) -> int:  # type: ignore[override]
        """How many channels there are."""
        return self.activation.shape[self._axis]

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """Where the activation is."""
        return self.activation.device

    @property
    def _axis(self) -> int:
        return 2 if self.activation.dim() == 3 else 1

    def apply(self, states: Tensor) -> Tensor:
        shape = [1] * self.activation.dim()
        shape[0], shape[self._axis] = states.shape
        return self.activation * states.to(self.activation.dtype).view(shape)

    def distance(self, states: Tensor) -> Tensor:
        """||1 - d||^2, (B,): how many gates are closed, whatever the channels hold (CHIP's)."""
        return (1 - states.double()).square().sum(1)

    def paint(self, weights: np.ndarray) -> np.ndarray:
        raise UnsupportedError("a channel has no place in the image; show ChannelImportance")


@dataclass(frozen=True, eq=False)
class GateDesign(ChannelDesign, SampledDesign):
    """Random gates: each channel is open with probability `keep`, or at each state's own rate."""

    seed: int
    stream: str = "gates"
    keep: Keep = 0.5

    @property
    def key(self) -> str:  # type: ignore[override]
        """The law of the states: every image meets the same ones. The subject's key knows which."""
        return content_key(self.parts, self.seed, self.stream, self.keep)


@dataclass(frozen=True, eq=False)
class AblationDesign(ChannelDesign):
    """All open, all closed, then each channel alone closed: C + 2 states."""

    @property
    def size(self) -> int:  # type: ignore[override]
        """One state per channel, after the two anchors."""
        return self.parts + 2

    @property
    def key(self) -> str:  # type: ignore[override]
        """The number of channels; the subject's key knows which."""
        return content_key(self.parts, "one channel closed")

    def draw(self, chunk: int) -> Tensor:
        import torch

        rows = torch.arange(self.size, device=self.device)[chunk * self.chunk :][: self.chunk]
        closed = torch.arange(self.parts, device=self.device) == rows[:, None] - 2
        return (~closed & (rows[:, None] != 1)).to(torch.uint8)
