"""The pieces of a class's images whose activations are factorised: crops, or cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from interp.context import Context
from interp.cut import Cut
from interp.model import ModelAdapter
from interp_concept.craft.params import CraftParams
from interp_concept.crop import Square, around, centres, enlarge, squares, tile

BATCH = 16


class Piece(NamedTuple):
    """Where a row comes from: a square of one of the images."""

    image: int
    square: Square


@dataclass(frozen=True, eq=False)
class Pieces:
    """Rows of activations (N, C) float64, where each is from, and the images (C, h, w)."""

    values: Tensor
    places: list[Piece]
    inputs: Sequence[Tensor]

    def tiles(
        self, model: ModelAdapter, coefficients: np.ndarray, params: CraftParams
    ) -> np.ndarray:
        """Pictures of the pieces with the largest coefficients (N,), (E, s, s, 3) uint8.

        As long as there are others, no image gives two.
        """
        order = np.argsort(-coefficients, kind="stable").tolist()
        first: dict[int, int] = {}
        for at in order:
            first.setdefault(self.places[at].image, at)
        taken = set(first.values())
        best = [*first.values(), *(at for at in order if at not in taken)]
        chosen = [self.places[at] for at in best[: params.examples]]
        side = params.picture
        return np.stack([tile(model, self.inputs[p.image], p.square, side) for p in chosen])


def collect_pieces(
    cut: Cut, inputs: Sequence[Tensor], params: CraftParams, context: Context
) -> Pieces:
    """The pieces of images (C, h, w) at the network's input size."""
    take = _crops if params.pieces == "crops" else _cells
    rows: list[Tensor] = []
    places: list[Piece] = []
    for at, pixels in enumerate(inputs):
        context.out_of_time()
        context.progress("activations", at + 1, len(inputs))
        chosen, found = take(cut, pixels, params)
        rows.append(found.double())
        places += [Piece(at, each) for each in chosen]
    return Pieces(torch.cat(rows), places, inputs)


def _crops(cut: Cut, pixels: Tensor, params: CraftParams) -> tuple[list[Square], Tensor]:
    """Crops, and the mean activation of each when enlarged to the input, (N, C)."""
    chosen = squares(_size(pixels), params.crop, params.step)
    means = [
        cut.prefix(part).activation.float().mean((2, 3))
        for part in enlarge(pixels, chosen).split(BATCH)
    ]
    return chosen, torch.cat(means)


def _cells(cut: Cut, pixels: Tensor, params: CraftParams) -> tuple[list[Square], Tensor]:
    """The square around each cell of the whole image, and the cell's activation, (N, C)."""
    maps = cut.prefix(pixels[None]).activation[0].float()
    rows, columns = centres(cut.layer, _size(pixels), tuple(maps.shape[1:]))
    size = _size(pixels)
    side = max(1, round(params.crop * min(size)))
    return [around((y, x), size, side) for y in rows for x in columns], maps.flatten(1).T


def _size(pixels: Tensor) -> tuple[int, int]:
    return int(pixels.shape[1]), int(pixels.shape[2])
