"""Temporary."""

from __future__ import annotations
from dataclasses import dataclass
from functools import cached_property
from interp.design import SampledDesign
from interp.errors import UnsupportedError
from interp.state import content_key


@dataclass(frozen=True, eq=False)
class GateDesign(SampledDesign):
    parts: int
    device: object
    seed: int
    stream: str = "gates"
    keep: object = 0.5
    chunk = 128

    @cached_property
    def key(self):
        return content_key(self.parts, self.seed, self.stream, self.keep)

    def apply(self, states):
        return states

    def distance(self, states):
        return (1 - states.double()).square().sum(1)

    def paint(self, weights):
        raise UnsupportedError("a channel has no place in the image; show ChannelImportance")
