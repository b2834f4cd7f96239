"""A part of a model as a model of its own, between given inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import ModelProto, TensorProto, helper

from interp_onnx.graph import Graph, inputs

Shape = tuple[int | str | None, ...]
"""Per axis: its length, the name of a free length, or nothing known."""


def extract(graph: Graph, given: Mapping[str, Shape], wanted: Sequence[str]) -> ModelProto:
    """The nodes between the `given` tensors and the `wanted` ones.

    Answers come in the order of `wanted` under names of their own, so that a given tensor may
    be wanted too. Shapes noted in the whole model are left behind: they may hold another batch.
    """
    nodes = graph.before(wanted, given)
    read = {name for node in nodes for name in inputs(node)} | set(wanted)
    copies = [
        helper.make_node("Identity", [name], [f"interp.answer.{index}"])
        for index, name in enumerate(wanted)
    ]
    inner = helper.make_graph(
        [*nodes, *copies],
        "part",
        [_info(graph, name, name, shape) for name, shape in given.items()],
        [_info(graph, name, f"interp.answer.{index}", None) for index, name in enumerate(wanted)],
        [weight for name, weight in graph.weights.items() if name in read and name not in given],
    )
    part = helper.make_model(inner, opset_imports=graph.model.opset_import)
    part.ir_version = graph.model.ir_version
    onnx.checker.check_model(part)
    return part


def _info(graph: Graph, name: str, called: str, shape: Shape | None) -> onnx.ValueInfoProto:
    kind = graph.types.get(name) or TensorProto.FLOAT
    info = helper.make_tensor_value_info(called, kind, shape)
    if shape is None:
        info.type.tensor_type.shape.Clear()
        info.type.tensor_type.ClearField("shape")
    return info
