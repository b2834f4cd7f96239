"""The batch size: made free where a file has fixed it and the graph allows another."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, numpy_helper
from torch import Tensor

from interp.errors import ModelError
from interp.network.preprocess import probe_images
from interp.network.scores import close
from interp_onnx.file import error_line
from interp_onnx.graph import Graph, attributes
from interp_onnx.network import Network

TOLERANCE = 1e-4
"""How far a freed batch may move the scores, relative to the largest."""
TRACED = (2, 3, 4, 5, 6, 7, 8, 16, 32)
"""Batch sizes that a graph may have been traced with."""


def settle_batch(network: Network, name: str) -> tuple[Network, list[str]]:
    """The network with a free batch where its graph allows, else with a note on the limit."""
    inputs = network.encode(probe_images(network.input, 3))
    network = _with_traced_batch(network, inputs)
    expected = _one_by_one(network, inputs, name)
    if network.batch is None and _batches_agree(network, inputs, expected):
        return network, []
    try:
        graph = free_batch(network.graph, network.image.batch or 1)
        session = network.engine.session(graph.model)
        free = replace(network, graph=graph, session=session, batch=None)
        if _batches_agree(free, inputs, expected):
            return free, []
    except Exception:  # onnxruntime and onnx may refuse the rewritten graph in many ways
        pass
    size = network.batch or 1
    note = (
        f"the graph is made for {size} image(s) at a time, and freeing it failed: images run "
        f"{size} at a time{'' if size == 1 else ', the last ones padded'}; "
        "export it again with a free batch axis to lift this"
    )
    return replace(network, batch=size), [note]


def _with_traced_batch(network: Network, inputs: Tensor) -> Network:
    """The network with the one batch size that its graph accepts, where it is not truly free.

    Exporters that trace one run may leave that run's batch size in the graph.
    """
    for size in (1, *TRACED) if network.image.batch is None else ():
        try:
            answer = network.forward(inputs[:1].expand(size, -1, -1, -1).contiguous())
        except Exception:  # onnxruntime's errors share no class
            continue
        if size == 1 or len(answer) != size:
            break
        return replace(network, image=replace(network.image, batch=size), batch=size)
    return network


def _one_by_one(network: Network, inputs: Tensor, name: str) -> Tensor:
    """Scores of each image alone, which any batch must equal; ModelError where the model fails."""
    height, width = network.input.size
    alone = replace(network, batch=network.batch or 1)
    try:
        return alone.forward(inputs)
    except Exception as error:  # onnxruntime's errors share no class
        reason, count = error_line(error), network.input.channels
        channels = "" if count == 3 else f" with {count} channels"
        cure = (
            "the file contradicts itself; export it again"
            if "channels" in reason.lower()
            else "set the size with --input size=H,W"
        )
        raise ModelError(
            f"{name} fails on images of {height}x{width}{channels}: {reason}; {cure}"
        ) from error


def _batches_agree(network: Network, inputs: Tensor, expected: Tensor) -> bool:
    """Whether images in one batch get the scores that each gets alone."""
    try:
        return all(close(network.forward(inputs[:n]), expected[:n], TOLERANCE) for n in (3, 2))
    except Exception:  # as where a reshape is made for another batch size
        return False


def free_batch(graph: Graph, batch: int) -> Graph:
    """The graph, made for `batch` images, for any number, as far as reshapes can be rewritten.

    The caller must check that the scores stay right.
    """
    shapes = _shapes(graph, batch)
    model = copy.deepcopy(graph.model)
    del model.graph.value_info[:]  # they hold the fixed batch
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
    """Free the first axis of a reshape: keep the input's (0), or infer it (-1)."""
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
    except Exception:  # then every reshape infers its first axis
        return {}
    infos = [*inferred.input, *inferred.value_info]
    found = {each.name: each.type.tensor_type.shape.dim for each in infos}
    return {
        name: tuple(each.dim_value for each in shape)
        for name, shape in found.items()
        if shape and all(each.HasField("dim_value") for each in shape)
    }
