"""Models rewritten in float64, as far as onnxruntime has kernels for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    helper,
    numpy_helper,
)
from torch import Tensor

from interp.cut import Frontier
from interp_onnx.file import inner_graphs, tensors
from interp_onnx.graph import FLOATS
from interp_onnx.im2col import unfold
from interp_onnx.shapes import Shape

SHORTER = FLOATS - {TensorProto.DOUBLE}


def to_double(model: ModelProto, shapes: Mapping[str, Shape]) -> ModelProto:
    """Rewrite a model in place; a session of it may still fail where a kernel is missing."""
    unfold(model, shapes)
    widen(model.graph)
    return model


def to_double_frontier(frontier: Frontier) -> Frontier:
    """The frontier in float64; integers and booleans stay."""
    live: tuple[Tensor, ...] = frontier.live  # type: ignore[assignment]
    wide = tuple(each.double() if each.is_floating_point() else each for each in live)
    return replace(frontier, activation=frontier.activation.double(), live=wide)


def widen(graph: GraphProto) -> None:
    """Turn every float of a graph into float64: inputs, outputs, constants, types of casts."""
    for _, tensor in tensors(graph):
        if tensor.data_type in SHORTER:
            value = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    _widen_types(graph)


def _widen_types(graph: GraphProto) -> None:
    for info in [*graph.input, *graph.output, *graph.value_info]:
        if info.type.tensor_type.elem_type in SHORTER:
            info.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in graph.node:
        if node.op_type == "ConstantOfShape" and not node.attribute:  # zeros in float32
            node.attribute.append(_constant(0.0, 1))
        for attribute in node.attribute:
            _widen_attribute(node, attribute)
            for inner in inner_graphs(attribute):
                _widen_types(inner)


def _widen_attribute(node: NodeProto, attribute: AttributeProto) -> None:
    if attribute.name in ("to", "dtype") and attribute.i in SHORTER:
        attribute.i = TensorProto.DOUBLE
    elif node.op_type == "Constant" and attribute.name == "value_float":
        attribute.CopyFrom(_constant(attribute.f))
    elif node.op_type == "Constant" and attribute.name == "value_floats":
        attribute.CopyFrom(_constant(list(attribute.floats)))


def _constant(value: float | list[float], rank: int = 0) -> AttributeProto:
    array = np.array(value, np.float64, ndmin=rank)
    return helper.make_attribute("value", numpy_helper.from_array(array))
