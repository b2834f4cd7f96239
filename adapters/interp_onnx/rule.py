"""How each of ONNX's operations moves and widens what a tensor's cells see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from onnx import NodeProto

from interp.network.receptive_field import GridField
from interp_onnx.cost import shape_of
from interp_onnx.graph import Graph, attributes
from interp_onnx.observe import Shapes

Windows = list[tuple[int, int, int, int]]


@dataclass(frozen=True)
class Step:
    """One node with the shapes around it."""

    graph: Graph
    node: NodeProto
    shapes: Shapes

    def shape(self, index: int = 0) -> tuple[int, ...]:
        """The shape of an input; empty where unknown."""
        return shape_of(self.graph, self.node.input[index], self.shapes) or ()

    @property
    def output(self) -> tuple[int, ...]:
        """The shape of the first output; empty where unknown."""
        return self.shapes.get(self.node.output[0], ())

    @property
    def attributes(self) -> dict[str, Any]:
        """The node's attributes."""
        return attributes(self.node)

    def integers(self, index: int, attribute: str = "") -> list[int] | None:
        """Constant whole numbers, from an input or, as in older opsets, an attribute."""
        if len(self.node.input) > index and self.node.input[index]:
            value = self.graph.constant(self.node.input[index])
            return None if value is None else [int(each) for each in value.reshape(-1)]
        return self.attributes.get(attribute)


def _window(step: Step, kernel: tuple[int, ...], sight: GridField) -> Windows:
    """(kernel, stride, pad, dilation) along y and along x."""
    given = step.attributes
    strides = given.get("strides", [1, 1])
    dilations = given.get("dilations", [1, 1])
    pads = given.get("pads", [0, 0, 0, 0])[:2]
    how = given.get("auto_pad", b"NOTSET")
    if how in (b"SAME_UPPER", b"SAME_LOWER"):
        rows = zip(sight.grid, kernel, strides, dilations, strict=True)
        pads = [_same_pad(*row, upper=how == b"SAME_UPPER") for row in rows]
    return list(zip(kernel, strides, pads, dilations, strict=True))


def _same_pad(length: int, kernel: int, stride: int, dilation: int, upper: bool) -> int:
    """Cells added in front so that the output has length / stride cells; the odd one at an end."""
    total = max((-(-length // stride) - 1) * stride + dilation * (kernel - 1) + 1 - length, 0)
    return total // 2 if upper else -(-total // 2)


def _convolution(sight: GridField, step: Step) -> GridField | None:
    weight = step.shape(1)
    return sight.slide(*_window(step, weight[2:], sight)) if len(weight) == 4 else None


def _pool(sight: GridField, step: Step) -> GridField | None:
    kernel = step.attributes["kernel_shape"]
    return sight.slide(*_window(step, kernel, sight)) if len(kernel) == 2 else None


def _pad(sight: GridField, step: Step) -> GridField | None:
    pads, rank = step.integers(1, "pads"), len(step.shape())
    if pads is None or sight.axes is None:
        return None
    axes = step.integers(3) if len(step.node.input) > 3 else list(range(rank))
    if axes is None:
        return None
    front = {axis % rank: pads[index] for index, axis in enumerate(axes)}
    y, x = (front.get(axis, 0) for axis in sight.axes)
    return sight.move((y, 1), (x, 1))


def _slice(sight: GridField, step: Step) -> GridField | None:
    """Every `step`-th cell from `start`; along other axes than y and x nothing changes."""
    shape, starts = step.shape(), step.integers(1, "starts")
    if starts is None or sight.axes is None or not shape:
        return None
    axes = step.integers(3, "axes") or list(range(len(starts)))
    steps = step.integers(4) or [1] * len(starts)
    moves = {}
    for axis, start, stride in zip(axes, starts, steps, strict=True):
        length = shape[axis % len(shape)]
        moves[axis % len(shape)] = (-max(start + length if start < 0 else start, 0), stride)
    if any(moves.get(axis, (0, 1))[1] < 1 for axis in sight.axes):
        return None  # the image turned over
    y, x = (moves.get(axis, (0, 1)) for axis in sight.axes)
    return sight.move(y, x)


def _split(sight: GridField, step: Step) -> GridField | None:
    axis = step.attributes.get("axis", 0) % len(step.shape() or (0,))
    return None if sight.axes is None or axis in sight.axes else sight


def _transpose(sight: GridField, step: Step) -> GridField | None:
    order = step.attributes.get("perm")
    if sight.axes is None or order is None:
        return None
    return replace(sight, axes=(order.index(sight.axes[0]), order.index(sight.axes[1])))


def _reshape(sight: GridField, step: Step) -> GridField | None:
    """Cells survive where y and x stay whole and last."""
    before, after = step.shape(), step.output
    if before == after:
        return sight
    last = sight.axes == (len(before) - 2, len(before) - 1)
    if last and after[-2:] == sight.grid:
        return replace(sight, axes=(len(after) - 2, len(after) - 1))
    return None


def _product(sight: GridField, step: Step) -> GridField | None:
    """A product with a constant matrix mixes the last axis alone."""
    mixed = len(step.shape()) - 1
    constant = step.node.input[1] not in step.graph.alive
    return sight if constant and mixed not in (sight.axes or ()) else None


RULES: dict[str, Callable[[GridField, Step], GridField | None]] = {
    "Conv": _convolution,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "LpPool": _pool,
    "Pad": _pad,
    "Slice": _slice,
    "Split": _split,
    "Transpose": _transpose,
    "Reshape": _reshape,
    "MatMul": _product,
}
"""rule(sight of the input, step): what the output's cells see."""
