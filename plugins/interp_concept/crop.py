"""Square pieces of images: cut out at the network's input, and drawn as small pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from interp.model import ModelAdapter
from interp.spec import Layer
from interp.storage.pixel import to_picture


class Square(NamedTuple):
    """A square of an image (C, h, w), in pixels."""

    top: int
    left: int
    side: int


def squares(size: tuple[int, int], share: float, step: float) -> list[Square]:
    """Squares of a grid over an image (h, w), each `share` of the shorter side.

    They begin `step` of a side apart at most, and reach all edges.
    """
    side = max(1, round(share * min(size)))
    tops, lefts = (
        np.linspace(0, length - side, _count(length, side, step)).round().astype(int).tolist()
        for length in size
    )
    return [Square(top, left, side) for top in tops for left in lefts]


def _count(length: int, side: int, step: float) -> int:
    return 1 + int(np.ceil((length - side) / max(1.0, step * side)))


def around(centre: tuple[float, float], size: tuple[int, int], side: int) -> Square:
    """The square of this side inside an image (h, w) whose middle is nearest to a point (y, x)."""
    side = min(side, *size)
    top, left = (
        int(np.clip(round(at - side / 2), 0, length - side))
        for at, length in zip(centre, size, strict=True)
    )
    return Square(top, left, side)


def centres(layer: Layer, size: tuple[int, int], grid: tuple[int, ...]) -> Iterator[list[float]]:
    """The places of a grid's rows and of its columns in the input (h, w), in pixels."""
    field = layer.field
    for axis in (0, 1):
        stride = size[axis] / grid[axis] if field is None else field.stride[axis]
        first = stride / 2 if field is None else field.offset[axis]
        yield [first + at * stride for at in range(grid[axis])]


def cut_out(pixels: Tensor, square: Square) -> Tensor:
    """The square's part of an image (C, h, w), (C, side, side)."""
    top, left, side = square
    return pixels[:, top : top + side, left : left + side]


def enlarge(pixels: Tensor, chosen: list[Square]) -> Tensor:
    """Squares of an image (C, h, w) at the image's own size, (N, C, h, w)."""
    pieces = torch.stack([cut_out(pixels, each) for each in chosen])
    return F.interpolate(pieces, tuple(pixels.shape[1:]), mode="bilinear", align_corners=False)


def tile(model: ModelAdapter, pixels: Tensor, square: Square, side: int) -> np.ndarray:
    """The square of the model's input (C, h, w) in [0, 1] as a picture, (side, side, 3) uint8."""
    piece = F.interpolate(cut_out(pixels, square)[None].float(), (side, side), mode="area")[0]
    values = piece.permute(1, 2, 0).cpu().numpy()
    bands = model.spec.input.bands
    if values.shape[2] == 3 and bands is None:
        return np.asarray((values * 255).round().clip(0, 255).astype(np.uint8))
    return to_picture(values, bands)


def sheet(tiles: np.ndarray, across: int = 2) -> np.ndarray:
    """Pictures (E, s, s, 3) as one, so many in a row; the last row is filled with white."""
    count, side = tiles.shape[:2]
    down = -(-count // across)
    whole = np.full((down * across, side, side, 3), 255, np.uint8)
    whole[:count] = tiles
    rows = whole.reshape(down, across, side, side, 3).transpose(0, 2, 1, 3, 4)
    return np.asarray(rows.reshape(down * side, across * side, 3))
