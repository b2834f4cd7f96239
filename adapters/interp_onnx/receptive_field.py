"""Receptive fields: what every tensor's cells see of the image, followed through the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from onnx import NodeProto

from interp.network.receptive_field import GridField, Span, union
from interp_onnx.graph import Graph, attributes, shape_of
from interp_onnx.shapes import Shapes
from interp_onnx.signature import ImageInput

POINTWISE = {
    "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "Cast", "CastLike",
    "Ceil", "Celu", "Clip", "Cos", "Cosh", "Div", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu",
    "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "IsInf", "IsNaN", "LeakyRelu",
    "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or",
    "PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin",
    "Sinh", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Swish", "Tan", "Tanh",
    "ThresholdedRelu", "Where", "Xor",
}  # fmt: skip
SAME = {
    "BatchNormalization", "DequantizeLinear", "Dropout", "GroupNormalization", "Identity", "LRN",
    "InstanceNormalization", "LayerNormalization", "QuantizeLinear",
}  # fmt: skip
"""Operations that leave each cell where it is; statistics of the whole image only scale it."""


def follow(graph: Graph, image: ImageInput, shapes: Shapes) -> dict[str, GridField]:
    """What every tensor's cells see of the image, where that is known."""
    y, x = (2, 3) if image.layout == "NCHW" else (1, 2)
    shape = shapes[graph.image]
    found = {graph.image: GridField(Span(), Span(), (y, x), (shape[y], shape[x]))}
    for node in graph.nodes:
        sight = _after(Step(graph, node, shapes), found)
        for name in node.output if sight else ():
            resized = sight and sight.resized(shapes.get(name, ()))
            if resized is not None:
                found[name] = resized
    return found


def _after(step: Step, found: Mapping[str, GridField]) -> GridField | None:
    """What the cells of a node's output see."""
    kind = step.node.op_type
    if kind in POINTWISE or kind == "Concat":
        joined = union(
            (found.get(name), name in step.graph.alive and step.is_local(index))
            for index, name in enumerate(step.node.input)
        )
        if kind in POINTWISE or joined is None:
            return joined
        return joined.split(step.attributes.get("axis", 0) % len(step.output or (0,)))
    sight = found.get(step.node.input[0]) if step.node.input else None
    if sight is None or kind in SAME:
        return sight
    return RULES[kind](sight, step) if kind in RULES else None


@dataclass(frozen=True)
class Step:
    """One node with the shapes of its inputs and outputs."""

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
        return attributes(self.node)

    def is_local(self, index: int) -> bool:
        """Whether an input differs from cell to cell, as a gate of the whole image does not."""
        return self.node.op_type == "Concat" or self.shape(index) == self.output

    def integers(self, index: int, attribute: str = "") -> list[int] | None:
        """Constant integers, from an input or, as in older opsets, from an attribute."""
        if len(self.node.input) > index and self.node.input[index]:
            value = self.graph.constant(self.node.input[index])
            return None if value is None else [int(each) for each in value.reshape(-1)]
        return self.attributes.get(attribute)


def _window(
    step: Step, kernel: tuple[int, ...], sight: GridField
) -> list[tuple[int, int, int, int]]:
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
    """Padding in front that gives length / stride cells; an odd cell goes to one end."""
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
    return sight.split(step.attributes.get("axis", 0) % len(step.shape() or (0,)))


def _transpose(sight: GridField, step: Step) -> GridField | None:
    order = step.attributes.get("perm")
    return None if order is None else sight.permute(order)


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
    constant = step.node.input[1] not in step.graph.alive
    return sight.split(len(step.shape()) - 1) if constant else None


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
