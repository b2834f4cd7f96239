"""The batch axis: freed where a file has fixed it and the graph allows another."""

from __future__ import annotations

import copy

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, numpy_helper

from interp_onnx.graph import Graph, attributes
from interp_onnx.port import Port


def freed(graph: Graph, port: Port) -> Graph:
    """The same graph for any number of images, as far as its reshapes can be rewritten.

    Whether the answers are right is for the caller to check.
    """
    batch = port.batch or 1
    shapes = _shapes(graph, batch)
    model = copy.deepcopy(graph.model)
    del model.graph.value_info[:]  # tells the fixed batch
    for each in [*model.graph.input, *model.graph.output]:
        shape = each.type.tensor_type.shape
        if each.name in (graph.image, graph.output) and shape.dim:
            shape.dim[0].dim_param = "batch"
    for node in model.graph.node:
        if node.op_type == "Reshape" and node.input[0] in graph.alive:
            _free_reshape(model, graph, node, shapes.get(node.input[0]), batch)
    return Graph(model, graph.image, graph.output)


def _free_reshape(
    model: ModelProto, graph: Graph, node: NodeProto, before: tuple[int, ...] | None, batch: int
) -> None:
    """Let the first axis follow: as it was before (0), or as what is left over (-1)."""
    target = graph.constant(node.input[1])
    if target is None or target.ndim != 1 or not len(target) or target[0] < 1:
        return
    kept = bool(before) and before is not None and before[0] == batch == target[0]
    if not kept and -1 in target:
        return
    changed = np.array([0 if kept else -1, *target[1:]], np.int64)
    if kept and attributes(node).get("allowzero"):
        if -1 in target:
            return
        changed[0] = -1
    name = f"{node.output[0]}.free"
    model.graph.initializer.append(numpy_helper.from_array(changed, name))
    node.input[1] = name


def _shapes(graph: Graph, batch: int) -> dict[str, tuple[int, ...]]:
    """Shapes at the fixed batch, where inference finds all of their axes."""
    model = copy.deepcopy(graph.model)
    for each in model.graph.input:
        if each.name == graph.image:
            each.type.tensor_type.shape.dim[0].dim_value = batch
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception:  # then every reshape is freed by what is left over
        return {}
    infos = [*inferred.input, *inferred.value_info]
    found = {each.name: each.type.tensor_type.shape.dim for each in infos}
    return {
        name: tuple(each.dim_value for each in shape)
        for name, shape in found.items()
        if shape and all(each.HasField("dim_value") for each in shape)
    }
