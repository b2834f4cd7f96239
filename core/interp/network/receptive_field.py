"""Receptive fields: what a tensor's cells see of the image, in intervals along y and x."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from interp.spec import ReceptiveField


@dataclass(frozen=True)
class Span:
    """Along one axis, cell i sees the input from low + i * stride to high + i * stride."""

    stride: float = 1.0
    low: float = 0.0
    high: float = 1.0

    def slide(self, kernel: int, stride: int = 1, pad: int = 0, dilation: int = 1) -> Span:
        """What a window sliding over these cells sees."""
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
class Sight:
    """What a tensor's cells see: a span for y and x, and the tensor's axes that are y and x.

    Without axes the tensor is a list (N * h * w, C) of the grid's cells.
    """

    y: Span
    x: Span
    axes: tuple[int, int] | None
    grid: tuple[int, int]

    def slide(self, *windows: tuple[int, int, int, int]) -> Sight | None:
        """A window (kernel, stride, pad, dilation) slid along y, and one along x."""
        if self.axes != (2, 3):
            return None
        return replace(self, y=self.y.slide(*windows[0]), x=self.x.slide(*windows[1]))

    def move(self, y: tuple[int, int], x: tuple[int, int]) -> Sight:
        """Cells put in front (pad), or taken away where negative, and every stride-th kept."""
        (top, below), (left, right) = y, x
        return replace(self, y=self.y.slide(1, below, top), x=self.x.slide(1, right, left))

    def join(self, other: Sight) -> Sight | None:
        """The union of both where they have the same cells."""
        same = self.grid == other.grid and self.axes == other.axes
        if not same or (self.y.stride, self.x.stride) != (other.y.stride, other.x.stride):
            return None
        return replace(self, y=self.y.join(other.y), x=self.x.join(other.x))

    def permute(self, order: Sequence[int]) -> Sight | None:
        """The same after the tensor's axes were put in this order."""
        if self.axes is None:
            return None
        return replace(self, axes=(order.index(self.axes[0]), order.index(self.axes[1])))

    def split(self, axis: int) -> Sight | None:
        """The same for a part of the tensor along an axis other than y and x."""
        return None if self.axes is None or axis in self.axes else self

    def resized(self, shape: Sequence[int]) -> Sight | None:
        """The same with the grid of a tensor of this shape; None where it lacks the axes."""
        if self.axes is None:
            return self
        if max(self.axes) >= len(shape):
            return None
        return replace(self, grid=(shape[self.axes[0]], shape[self.axes[1]]))

    def field(self) -> ReceptiveField:
        """The same as size, stride and centre of the first cell, in input pixels."""
        return ReceptiveField(
            size=(self.y.high - self.y.low, self.x.high - self.x.low),
            stride=(self.y.stride, self.x.stride),
            offset=((self.y.low + self.y.high) / 2, (self.x.low + self.x.high) / 2),
        )


def union(operands: Iterable[tuple[Sight | None, bool]]) -> Sight | None:
    """What the cells of an elementwise result see, from its operands' (sight, local).

    A local operand differs from cell to cell: one whose sight is unknown makes the result's
    unknown. Others, such as gates of the whole image, only scale the cells and are passed over.
    """
    found: Sight | None = None
    for sight, local in operands:
        if sight is not None:
            found = sight if found is None else found.join(sight)
        if (sight is None and local) or (sight is not None and found is None):
            return None
    return found
