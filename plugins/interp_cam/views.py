"""Images explained together, as a layer sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import TYPE_CHECKING

import numpy as np

from interp.context import Context
from interp.cut import Cut, Frontier
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp.spec import Layer

if TYPE_CHECKING:
    from torch import Tensor

MOST = 32
"""Most images that are run at once."""
FORTH, BACK = 24, 128
"""Bytes that a pass takes per byte of its input, roughly, and a whole pass forth and back more."""


def batch_size(model: ModelAdapter, layers: Sequence[Layer], context: Context) -> int:
    """How many images are run at once: the budget's number, or as memory allows.

    Only what follows the first of the layers is recorded for the way back.
    """
    given = model.spec.input
    nbytes = 4 * given.channels * given.size[0] * given.size[1]
    recorded = max(1.0 if each.cost_after is None else each.cost_after for each in layers)
    room = int(context.budget.memory / ((FORTH + BACK * recorded) * nbytes))
    return context.budget.batch_size or max(1, min(MOST, room))


@dataclass(frozen=True, eq=False)
class Views:
    """Images (B, 3, h, w) RGB in [0, 1] at the network's size, run once up to each layer."""

    model: ModelAdapter
    pixels: Tensor
    _frontiers: dict[str, Frontier] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pixels)

    def at(self, layer: str) -> tuple[Cut, Frontier]:
        """The model cut at a layer, and what crosses the cut."""
        cut = self.model.cut(layer)
        if layer not in self._frontiers:
            self._frontiers[layer] = cut.prefix(self.pixels)
        return cut, self._frontiers[layer]

    @property
    def nbytes(self) -> int:
        """Memory of what was kept, roughly: other values that cross a cut are of its size."""
        return sum(
            each.activation.nbytes * (1 + len(each.live)) for each in self._frontiers.values()
        )

    def scores(self, layer: str) -> Tensor:
        """The model's raw scores (B, K), by what follows a layer."""
        cut, frontier = self.at(layer)
        return cut.suffix(frontier, frontier.activation)

    def singly(self) -> list[Views]:
        """Each image by itself."""
        return [Views(self.model, each[None]) for each in self.pixels]


@dataclass(frozen=True, eq=False)
class Portion:
    """Original images that are run together, as the network sees them, and where they lie."""

    images: Sequence[np.ndarray]
    views: Views
    placements: list[Placement]

    @classmethod
    def of(cls, model: ModelAdapter, images: Sequence[np.ndarray]) -> Portion:
        """Images (H, W, 3) uint8, of any sizes, prepared for a model."""
        import torch

        prepared = [model.prepare(each) for each in images]
        pixels = torch.stack([each for each, _ in prepared])
        return cls(images, Views(model, pixels), [place for _, place in prepared])

    def shows(self, model: ModelAdapter, images: Sequence[np.ndarray]) -> bool:
        """Whether these are the same images, seen by the same model."""
        same = len(images) == len(self.images) and all(map(is_, images, self.images))
        return same and model is self.views.model
