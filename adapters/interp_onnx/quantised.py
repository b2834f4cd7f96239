"""Quantised graphs: tensors of whole numbers made readable as the fractions that they stand for."""

from __future__ import annotations

from typing import NamedTuple

from onnx import ModelProto, NodeProto, helper

ZERO_POINT = {
    "QLinearConv": 7,
    "QLinearMatMul": 7,
    "QLinearAdd": 7,
    "QLinearMul": 7,
    "QGemm": 8,
    "QLinearGlobalAveragePool": 4,
    "QLinearAveragePool": 4,
    "QLinearLeakyRelu": 4,
    "QLinearSigmoid": 4,
    "QLinearSoftmax": 4,
    "QLinearConcat": 1,
}
"""Operations that answer whole numbers, and which input is the zero point of their answer; the
input before it is the scale."""


class Quantisation(NamedTuple):
    """What makes fractions of whole numbers q: scale * (q - zero point), by tensor names."""

    scale: str
    zero_point: str


def expose_fractions(model: ModelProto) -> ModelProto:
    """The model with the fractions of each whole-numbered tensor as a tensor between its steps.

    The fractions take the tensor's name. They are rounded to the same whole numbers again, so that
    every answer stays the same. A graph without such operations is returned as it is.
    """
    if not any(_of(node) for node in model.graph.node):
        return model
    exposed = ModelProto()
    exposed.CopyFrom(model)
    del exposed.graph.node[:], exposed.graph.value_info[:]
    rounded: dict[str, str] = {}
    answers = {each.name for each in model.graph.output}
    for node in model.graph.node:
        copy = NodeProto()
        copy.CopyFrom(node)
        for at, name in enumerate(copy.input):
            copy.input[at] = rounded.get(name, name)
        found, name = _of(node), node.output[0]
        after: list[NodeProto] = []
        if found is not None and name not in answers:
            copy.name, copy.output[0] = f"{node.name}.whole", f"{name}.whole"
            rounded[name] = f"{name}.rounded"
            after = _between(name, node.name, found)
        exposed.graph.node.extend([copy, *after])
    return exposed


def _of(node: NodeProto) -> Quantisation | None:
    """How a node's answer stands for fractions; None for a node that answers none."""
    at = ZERO_POINT.get(node.op_type)
    if at is None or len(node.input) <= at or not node.input[at]:
        return None
    return Quantisation(node.input[at - 1], node.input[at])


def _between(name: str, node: str, found: Quantisation) -> list[NodeProto]:
    """The two nodes from `NAME.whole` to the fractions NAME, and on to `NAME.rounded`.

    The first one bears the name of the node that it follows, and so stands for its layer.
    """
    return [
        helper.make_node("DequantizeLinear", [f"{name}.whole", *found], [name], name=node),
        helper.make_node("QuantizeLinear", [name, *found], [f"{name}.rounded"]),
    ]
