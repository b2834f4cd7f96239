"""Receptive fields of a tensor's grid cells, followed from layer to layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from interp.spec import ReceptiveField


@dataclass(frozen=True)
class Span:
    """Along one axis, cell i sees the pixels from low + i * stride to high + i * stride."""

    stride: float = 1.0
    low: float = 0.0
    high: float = 1.0

    def slide(self, kernel: int, stride: int = 1, pad: int = 0, dilation: int = 1) -> Span:
        """The span of the cells that a window makes, sliding over these cells."""
        reach = dilation * (kernel - 1)
        return Span(
            self.stride * stride,
            self.low - pad * self.stride,
            self.high + (reach - pad) * self.stride,
        )

    def join(self, other: Span) -> Span:
        """The union of both; their strides agree where their cells do."""
        return Span(self.stride, min(self.low, other.low), max(self.high, other.high))


@dataclass(frozen=True)
class GridField:
    """Receptive fields of a tensor's grid cells: a span along y and one along x.

    `axes` are the tensor's axes y and x; without them the tensor is a list (N * h * w, C) of cells.
    """

    y: Span
    x: Span
    axes: tuple[int, int] | None
    grid: tuple[int, int]

    def slide(self, *windows: tuple[int, int, int, int]) -> GridField | None:
        """The fields after a window (kernel, stride, pad, dilation) along y, and one along x."""
        if self.axes != (2, 3):
            return None
        return replace(self, y=self.y.slide(*windows[0]), x=self.x.slide(*windows[1]))

    def move(self, y: tuple[int, int], x: tuple[int, int]) -> GridField:
        """The fields after `pad` cells are put in front and every stride-th cell is kept.

        y and x are (pad, stride); a negative pad takes cells away.
        """
        y_span, x_span = (
            span.slide(1, stride, pad) for span, (pad, stride) in ((self.y, y), (self.x, x))
        )
        return replace(self, y=y_span, x=x_span)

    def join(self, other: GridField) -> GridField | None:
        """The union of both; None where their cells differ."""
        same = self.grid == other.grid and self.axes == other.axes
        if not same or (self.y.stride, self.x.stride) != (other.y.stride, other.x.stride):
            return None
        return replace(self, y=self.y.join(other.y), x=self.x.join(other.x))

    def permute(self, order: Sequence[int]) -> GridField | None:
        """The same after the tensor's axes were put in this order."""
        if self.axes is None:
            return None
        return replace(self, axes=(order.index(self.axes[0]), order.index(self.axes[1])))

    def split(self, axis: int) -> GridField | None:
        """The same for a part of the tensor along an axis other than y and x."""
        return None if self.axes is None or axis in self.axes else self

    def resized(self, shape: Sequence[int]) -> GridField | None:
        """The same with the grid of a tensor of this shape; None where it lacks the axes."""
        if self.axes is None:
            return self
        if max(self.axes) >= len(shape):
            return None
        return replace(self, grid=(shape[self.axes[0]], shape[self.axes[1]]))

    def field(self) -> ReceptiveField:
        """The fields as size, stride and centre of the first cell, in pixels of the input."""
        return ReceptiveField(
            size=(self.y.high - self.y.low, self.x.high - self.x.low),
            stride=(self.y.stride, self.x.stride),
            offset=((self.y.low + self.y.high) / 2, (self.x.low + self.x.high) / 2),
        )


def union(operands: Iterable[tuple[GridField | None, bool]]) -> GridField | None:
    """What the cells of an elementwise result see, from its operands' (sight, local).

    A local operand differs from cell to cell: one whose sight is unknown makes the result's
    unknown. Others, such as gates of the whole image, only scale the cells and are passed over.
    """
    found: GridField | None = None
    for sight, local in operands:
        if sight is not None:
            found = sight if found is None else found.join(sight)
        if (sight is None and local) or (sight is not None and found is None):
            return None
    return found
