"""Receptive fields: what every tensor's cells see of the image, followed through the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce

from interp.network.receptive_field import GridField, Span
from interp_onnx.graph import Graph
from interp_onnx.observe import Shapes
from interp_onnx.port import Port
from interp_onnx.rule import RULES, Step

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


def follow(graph: Graph, port: Port, shapes: Shapes) -> dict[str, GridField]:
    """What every tensor's cells see of the image, where that is known."""
    axes = (2, 3) if port.layout == "NCHW" else (1, 2)
    image = shapes[graph.image]
    found = {graph.image: GridField(Span(), Span(), axes, (image[axes[0]], image[axes[1]]))}
    for node in graph.nodes:
        sight = _pass(Step(graph, node, shapes), found)
        for name in node.output if sight else ():
            noted = _note(sight, shapes.get(name, ()))
            if noted is not None:
                found[name] = noted
    return found


def _note(sight: GridField | None, shape: tuple[int, ...]) -> GridField | None:
    if sight is None or sight.axes is None or max(sight.axes) >= len(shape):
        return None
    return replace(sight, grid=(shape[sight.axes[0]], shape[sight.axes[1]]))


def _pass(step: Step, found: Mapping[str, GridField]) -> GridField | None:
    kind = step.node.op_type
    if kind in POINTWISE:
        return _join(step, found)
    if kind == "Concat":
        joined = _join(step, found)
        axis = step.attributes.get("axis", 0) % len(step.output or (0,))
        return None if joined is None or axis in (joined.axes or ()) else joined
    sight = found.get(step.node.input[0]) if step.node.input else None
    if sight is None or kind in SAME:
        return sight
    return RULES[kind](sight, step) if kind in RULES else None


def _join(step: Step, found: Mapping[str, GridField]) -> GridField | None:
    """The union over the operands; None when one of them was made from the whole image."""
    sights: list[GridField] = []
    for index, name in enumerate(step.node.input):
        if name in found:
            sights.append(found[name])
        elif name in step.graph.alive and _local(step, index):
            return None
    return reduce(_both, sights) if sights else None  # type: ignore[arg-type]


def _local(step: Step, index: int) -> bool:
    """Whether an operand differs from cell to cell; a gate of the whole image does not."""
    return step.node.op_type == "Concat" or step.shape(index) == step.output


def _both(first: GridField | None, second: GridField) -> GridField | None:
    return first and first.join(second)
