"""How much work each node is: multiply-adds of convolutions and matrix products."""

from __future__ import annotations

from math import prod

from onnx import NodeProto

from interp_onnx.graph import Graph, attributes
from interp_onnx.observe import Shapes


def work(graph: Graph, shapes: Shapes) -> dict[str, int]:
    """Multiply-adds per node, by the node's first output; nodes without any are left out."""
    found = {}
    for node in graph.nodes:
        depth = _depth(graph, node, shapes)
        if depth and node.output[0] in shapes:
            found[node.output[0]] = depth * prod(shapes[node.output[0]])
    return found


def share_after(graph: Graph, tensor: str, costs: dict[str, int]) -> float | None:
    """The part of the work that depends on a tensor."""
    total = sum(costs.values())
    if not total:
        return None
    after = graph.after({tensor}) - {tensor}
    return round(sum(cost for name, cost in costs.items() if name in after) / total, 6)


def _depth(graph: Graph, node: NodeProto, shapes: Shapes) -> int:
    """Products summed into one output value."""
    if node.op_type == "Conv" and (weight := shape_of(graph, node.input[1], shapes)):
        return prod(weight[1:])
    first = shapes.get(node.input[0]) if node.input else None
    if first and node.op_type == "MatMul":
        return first[-1]
    if first and node.op_type == "Gemm":
        return first[0] if attributes(node).get("transA") else first[1]
    return 0


def shape_of(graph: Graph, name: str, shapes: Shapes) -> tuple[int, ...] | None:
    """The shape of a tensor, be it seen or constant."""
    if name in graph.weights:
        return tuple(graph.weights[name].dims)
    if name in shapes:
        return shapes[name]
    value = graph.constant(name)
    return None if value is None else value.shape
