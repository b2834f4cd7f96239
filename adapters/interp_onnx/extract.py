"""A part of a model as a model of its own, between given inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import ModelProto, TensorProto, helper

from interp_onnx.graph import Graph, inputs

Shape = tuple[int | None, ...]
"""Per axis its length, None where it follows the batch."""


def extract(
    graph: Graph, shapes: Mapping[str, Shape], given: Sequence[str], wanted: Sequence[str]
) -> ModelProto:
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
        [_info(graph, name, name, _free(shapes[name], index)) for index, name in enumerate(given)],
        [
            _info(graph, wanted[i], each.output[0], shapes[wanted[i]])
            for i, each in enumerate(copies)
        ],
    )
    part = helper.make_model(inner, opset_imports=graph.model.opset_import)  # copies the graph
    part.graph.initializer.extend(
        weight for name, weight in graph.weights.items() if name in read and name not in given
    )
    part.ir_version = graph.model.ir_version
    onnx.checker.check_model(part)
    return part


def _free(shape: Shape, index: int) -> tuple[int | str, ...]:
    """The shape with names for free lengths, for each tensor its own.

    Were a name shared, onnxruntime would take the tensors to be of one shape and let one be
    written into the other's memory; but one may hold a single image beside many.
    """
    return tuple(f"free{index}" if each is None else each for each in shape)


def _info(
    graph: Graph, name: str, called: str, shape: Sequence[int | str | None]
) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(called, graph.types.get(name) or TensorProto.FLOAT, shape)
