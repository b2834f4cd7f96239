"""An ONNX graph indexed by tensor: what computes, reads and depends on each."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from interp_onnx.file import inner_graphs

HALF = {TensorProto.FLOAT16, TensorProto.BFLOAT16}
FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, *HALF}
PLAIN = ("", "ai.onnx")
"""Names of the domain of ONNX's own operations."""


@dataclass(frozen=True, eq=False)
class Graph:
    """A model with one image input and one output of scores."""

    model: ModelProto
    image: str
    output: str

    @property
    def nodes(self) -> list[NodeProto]:
        """In the order of execution, as ONNX demands."""
        return list(self.model.graph.node)

    @cached_property
    def producer(self) -> dict[str, NodeProto]:
        """The node that computes each tensor."""
        return {name: node for node in self.nodes for name in node.output if name}

    @cached_property
    def weights(self) -> dict[str, TensorProto]:
        """Initializers by name."""
        return {each.name: each for each in self.model.graph.initializer}

    @cached_property
    def readers(self) -> dict[str, list[NodeProto]]:
        """The nodes that read each tensor."""
        found: dict[str, list[NodeProto]] = {}
        for node in self.nodes:
            for name in inputs(node):
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def outline(self) -> str:
        """A sha256 over the nodes, inputs and outputs, without the initializers."""
        graph, digest = self.model.graph, hashlib.sha256()
        for each in (*graph.input, *graph.node, *graph.output):
            digest.update(each.SerializeToString(deterministic=True))
        return digest.hexdigest()

    @cached_property
    def quantised(self) -> bool:
        """Whether it rounds what it computes to whole numbers, as 8-bit networks do."""
        return any(is_quantising(node) for node in self.nodes)

    @cached_property
    def half(self) -> bool:
        """Whether its weights are fractions of 16 bits."""
        return any(each.data_type in HALF for each in self.weights.values())

    @cached_property
    def alive(self) -> set[str]:
        """Tensors that depend on the image; all others are constants."""
        return self.after({self.image})

    @cached_property
    def types(self) -> dict[str, int]:
        """Element types by shape inference; what is unknown there is left out."""
        try:
            graph = onnx.shape_inference.infer_shapes(self.model).graph
        except Exception:  # a model that onnxruntime runs may still puzzle the inference
            graph = self.model.graph
        infos = [*graph.input, *graph.value_info, *graph.output]
        return {each.name: each.type.tensor_type.elem_type for each in infos}

    def after(self, tensors: Collection[str]) -> set[str]:
        """These tensors and all that depend on them."""
        found = set(tensors)
        for node in self.nodes:
            if not found.isdisjoint(inputs(node)):
                found.update(name for name in node.output if name)
        return found

    def before(self, tensors: Collection[str], stop: Collection[str] = ()) -> list[NodeProto]:
        """The nodes that compute these tensors from those in `stop`, in execution order."""
        wanted, kept = set(tensors) - set(stop), []
        for node in reversed(self.nodes):
            if not wanted.isdisjoint(node.output):
                kept.append(node)
                wanted.update(inputs(node) - set(stop))
        return kept[::-1]

    def constant(self, name: str) -> np.ndarray | None:
        """The value of a tensor that does not depend on the image; None where that is not known."""
        if name in self.weights:
            return numpy_helper.to_array(self.weights[name])
        if name in self.alive or name not in self.producer:
            return None
        nodes = self.before([name])
        read = {each for node in nodes for each in inputs(node)}
        weights = [weight for each, weight in self.weights.items() if each in read]
        info = onnx.ValueInfoProto(name=name)
        part = helper.make_graph(nodes, "constant", [], [info], weights)
        model = helper.make_model(part, opset_imports=self.model.opset_import)
        try:
            answers: Any = ReferenceEvaluator(model).run(None, {})
            return np.asarray(answers[0])
        except Exception:  # an operation the evaluator lacks
            return None


def opset_of(model: ModelProto) -> int:
    """The version of ONNX's own operations that a model is written in."""
    return max(each.version for each in model.opset_import if each.domain in PLAIN)


def is_quantising(node: NodeProto) -> bool:
    """Whether a node answers whole numbers that stand for fractions."""
    return node.op_type.startswith(("QuantizeLinear", "QLinear", "QGemm", "DynamicQuantize"))


def shape_of(graph: Graph, name: str, shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of a tensor, from a run's `shapes` or of the constant itself; None if unknown."""
    if name in graph.weights:
        return tuple(graph.weights[name].dims)
    if name in shapes:
        return shapes[name]
    value = graph.constant(name)
    return None if value is None else value.shape


def inputs(node: NodeProto) -> set[str]:
    """Names of the tensors that a node and its inner graphs read."""
    found = {name for name in node.input if name}
    for attribute in node.attribute:
        for graph in inner_graphs(attribute):
            found |= _captured(graph)
    return found


def attributes(node: NodeProto) -> dict[str, object]:
    """A node's attributes as plain values."""
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def _captured(graph: GraphProto) -> set[str]:
    own = {each.name for each in [*graph.input, *graph.initializer]}
    own.update(name for node in graph.node for name in node.output)
    read = {name for node in graph.node for name in inputs(node)}
    return (read | {each.name for each in graph.output}) - own
