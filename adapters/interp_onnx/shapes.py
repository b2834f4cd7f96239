"""The shape of every tensor, observed in a run rather than inferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx
from onnx import ModelProto, helper
from torch import Tensor

from interp_onnx.graph import Graph
from interp_onnx.session import on_cpu

NO_TENSOR = {"SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SplitToSequence", "Optional",
             "SequenceErase", "If", "Loop", "Scan"}  # fmt: skip
"""Operations that may answer something without a shape."""
Shapes = dict[str, tuple[int, ...]]
Shape = tuple[int | None, ...]
"""Length of each axis; None where it follows the batch."""


@dataclass(frozen=True)
class ObservedShapes:
    """Shapes of all tensors that depend on the image, for a batch of `batch` images."""

    shapes: Shapes
    batch: int


def observe_shapes(graph: Graph, batches: Sequence[Tensor]) -> list[ObservedShapes]:
    """Run on each batch of preprocessed images; only shapes are kept, so memory stays small."""
    names = [
        name
        for node in graph.nodes
        for name in node.output
        if name in graph.alive and node.op_type not in NO_TENSOR
    ]
    session, observed = on_cpu().session(_with_shape_outputs(graph, names)), []
    for inputs in batches:
        found = zip(names, session(inputs.cpu()), strict=True)
        shapes = {name: tuple(each.tolist()) for name, each in found}
        observed.append(ObservedShapes({graph.image: tuple(inputs.shape), **shapes}, len(inputs)))
    return observed


def free_axes(first: Shapes, second: Shapes) -> dict[str, Shape]:
    """Every tensor's shape, None for axes that differ between two batch sizes."""
    return {
        name: tuple(a if a == b else None for a, b in zip(shape, second[name], strict=True))
        for name, shape in first.items()
    }


def _with_shape_outputs(graph: Graph, names: list[str]) -> ModelProto:
    """The model with the shapes of the named tensors as its outputs."""
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    del model.graph.output[:]
    for index, name in enumerate(names):
        output = f"interp.shape.{index}"
        model.graph.node.append(helper.make_node("Shape", [name], [output]))
        info = helper.make_tensor_value_info(output, onnx.TensorProto.INT64, [None])
        model.graph.output.append(info)
    return model
