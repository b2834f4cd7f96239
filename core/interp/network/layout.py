"""Layers as methods see them: which axes of an output are channels, and which follow the image.

Where the operations do not tell, it is measured: one corner of a random image is changed, and the
cells that answer most must lie in that corner.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from interp.lazy_type import Tensor
from interp.network.preprocess import probe_images
from interp.network.receptive_field import GridField
from interp.spec import InputSpec, Layer

SHARE = 3
"""A changed corner is this part of each side."""
MARGIN = 1.2
"""How many times more a corner's cells must answer to their own corner than to another one."""
SUMS = 8
"""Random sums of channels by which answers are compared."""
PREFIX = 32
"""Most leading tokens that are looked for."""
ASPECT = 1.35
"""Largest ratio between the aspects of a token grid and of the input: patches are nearly square."""
AXES = {4: (1, 3), 3: (2,)}
"""The axes that may hold the channels, by the number of dimensions."""


def corner_images(spec: InputSpec) -> Tensor:
    """A random image, and four copies with one corner each changed, (5, C, h, w) in [0, 1].

    The corners are top left, top right, bottom left, bottom right.
    """
    image, other = probe_images(spec)
    images = image.repeat(5, 1, 1, 1)
    for at, place in enumerate(_corners(*spec.size, SHARE), 1):
        images[(at, slice(None), *place)] = other[(slice(None), *place)]
    return images


def sketches(output: Tensor, sight: GridField | None = None) -> list[np.ndarray]:
    """Random sums over each axis that may hold channels, (N, SUMS, ...) each.

    None of maps whose axes the operations tell, by `sight`: these are not measured.
    """
    import torch

    found: list[np.ndarray] = []
    if output.dim() == 4 and sight is not None:
        return found
    with torch.autocast(output.device.type, enabled=False):  # the model may be within one
        for axis in AXES.get(output.dim(), ()):
            signs = output.new_tensor(random_signs(output.shape[axis])).float()
            summed = output.detach().movedim(axis, -1).float() @ signs
            found.append(summed.movedim(-1, 1).cpu().numpy())
    return found


def random_signs(channels: int) -> np.ndarray:
    """+1 and -1, (channels, SUMS) float32, the same every time."""
    drawn = np.random.default_rng(channels).integers(0, 2, (channels, SUMS))
    return (2 * drawn - 1).astype(np.float32)


@dataclass(eq=False)
class LayoutReader:
    """Tells the layouts of a model's layers, in the order of execution.

    `size` (h, w) is that of the input; `sketches` of a layer are those of `corner_images`.
    """

    size: tuple[int, int]
    _grids: dict[int, tuple[int, tuple[int, int]]] = field(default_factory=dict)
    """Prefix and grid of a number of tokens, once measured."""

    def describe(
        self,
        name: str,
        kind: str,
        shape: tuple[int, ...],
        sight: GridField | None,
        sketched: list[np.ndarray],
        **about: Any,
    ) -> Layer | None:
        """The layer with an output of this shape (N, ...); None for other numbers of dimensions."""
        if len(shape) not in (2, 3, 4):
            return None
        seen = dict(zip(AXES.get(len(shape), ()), map(_answers, sketched), strict=False))
        if len(shape) == 2:
            return Layer(name=name, kind=kind, layout="vector", channels=shape[1], **about)
        if len(shape) == 3:
            prefix, grid = self._tokens(shape[1], seen.get(2))
            return Layer(
                name=name, kind=kind, layout="tokens", channels=shape[2], grid=grid, prefix=prefix,
                **about,
            )  # fmt: skip
        layout = "NCHW" if shape[2:] == (1, 1) else _layout(sight, seen)
        axis, rows, columns = (3, 1, 2) if layout == "NHWC" else (1, 2, 3)
        return Layer(
            name=name,
            kind=kind,
            layout=layout,
            channels=shape[axis],
            grid=None if layout == "other" else (shape[rows], shape[columns]),
            field=sight.field() if sight and sight.axes in ((1, 2), (2, 3)) else None,
            **about,
        )

    def _tokens(self, count: int, answers: np.ndarray | None) -> tuple[int, tuple[int, int] | None]:
        """Number of leading tokens that are no cells, and the grid of the others, if any."""
        if answers is None:
            return 0, None
        known = self._grids.get(count)
        fitting = [
            (_own_share(cells), prefix, grid)
            for prefix, grid in ([known] if known else self._candidates(count))
            if follows_corners(cells := answers[:, prefix:].reshape(4, *grid))
        ]
        if not fitting:
            return 0, None
        _, prefix, grid = max(fitting, key=lambda each: each[0])
        self._grids[count] = prefix, grid
        return prefix, grid

    def _candidates(self, count: int) -> Iterator[tuple[int, tuple[int, int]]]:
        """Every prefix and grid that `count` tokens may have, of nearly square patches."""
        aspect = self.size[0] / self.size[1]
        for prefix in range(min(PREFIX, count - 3)):
            cells = count - prefix
            for rows in range(2, cells // 2 + 1):
                columns, rest = divmod(cells, rows)
                if not rest and abs(math.log(rows / columns / aspect)) <= math.log(ASPECT):
                    yield prefix, (rows, columns)


def _layout(
    sight: GridField | None, seen: dict[int, np.ndarray]
) -> Literal["NCHW", "NHWC", "other"]:
    """The layout of four axes: by the operations where these tell, else as measured."""
    if sight is not None:
        return "NCHW" if sight.axes == (2, 3) else "NHWC" if sight.axes == (1, 2) else "other"
    fitting = {axis: _own_share(each) for axis, each in seen.items() if follows_corners(each)}
    if not fitting:
        return "other"
    return "NCHW" if max(fitting, key=lambda axis: fitting[axis]) == 1 else "NHWC"


def _answers(sketched: np.ndarray) -> np.ndarray:
    """How much each cell answers to each of the four changed corners, (4, ...).

    Cells with values beyond the largest number count as silent: their changes cannot be measured.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        changes = np.abs(sketched[1:] - sketched[:1]).mean(1)
    return np.nan_to_num(np.asarray(changes, np.float64), posinf=0.0)


def follows_corners(answers: np.ndarray) -> bool:
    """Whether the cells of answers (4, h, w) lie as the image does.

    In every corner of the grid the cells answer to their own corner MARGIN times more than to any
    other one.
    """
    rows, columns = answers.shape[1:]
    if min(rows, columns) < 2:
        return False
    found = _by_corner(answers, 2)
    own = found.diagonal()
    others = np.where(np.eye(4, dtype=bool), 0, found).max(1)
    return bool((own > 0).all() and (own >= MARGIN * others).all())


def _own_share(answers: np.ndarray) -> float:
    """Share of the answers in the changed corners that are to these corners' own changes."""
    return float(_by_corner(answers, SHARE).diagonal().mean())


def _by_corner(answers: np.ndarray, part: int) -> np.ndarray:
    """Mean share of each change in the answers of each corner's cells, (corners, changes)."""
    total = answers.sum(0)
    alive = total > 1e-6 * total.max(initial=0)
    share = np.divide(answers, total, out=np.zeros_like(answers), where=alive)
    corners = _corners(answers.shape[1], answers.shape[2], part)
    return np.array([share[(slice(None), *place)].mean((1, 2)) for place in corners])


def _corners(height: int, width: int, part: int) -> list[tuple[slice, slice]]:
    """Rows and columns of the four corners, each 1 / part of a side."""
    tall, wide = max(1, height // part), max(1, width // part)
    return [
        (rows, columns)
        for rows in (slice(0, tall), slice(height - tall, height))
        for columns in (slice(0, wide), slice(width - wide, width))
    ]


def to_maps(layer: Layer, activation: Tensor) -> Tensor:
    """A layer's output as maps (N, C, h, w), without tokens that are no cells.

    Returned as it is where the layer has no grid.
    """
    if layer.grid is None or layer.layout == "NCHW":
        return activation
    if layer.layout == "NHWC":
        return activation.permute(0, 3, 1, 2)
    rows, columns = layer.grid
    cells = activation[:, layer.prefix : layer.prefix + rows * columns]
    return cells.mT.unflatten(2, (rows, columns))


def from_maps(layer: Layer, maps: Tensor, like: Tensor) -> Tensor:
    """Maps (B, C, h, w) in the layer's own layout; tokens that are no cells are those of `like`.

    `like` is the layer's output for one image, or for B.
    """
    import torch

    if layer.grid is None or layer.layout == "NCHW":
        return maps
    if layer.layout == "NHWC":
        return maps.permute(0, 2, 3, 1)
    cells = maps.flatten(2).mT
    end = layer.prefix + cells.shape[1]
    before, after = (
        each.expand(len(cells), -1, -1) for each in (like[:, : layer.prefix], like[:, end:])
    )
    return torch.cat([before, cells, after], 1)
