"""Computational cost of each node: multiply-adds of convolutions and matrix products."""

from __future__ import annotations

from math import prod

from onnx import NodeProto

from interp_onnx.graph import Graph, attributes, shape_of
from interp_onnx.shapes import Shapes


def multiply_adds(graph: Graph, shapes: Shapes) -> dict[str, int]:
    """Multiply-adds per node, by the node's first output; nodes without any are left out."""
    found = {}
    for node in graph.nodes:
        depth = _depth(graph, node, shapes)
        if depth and node.output[0] in shapes:
            found[node.output[0]] = depth * prod(shapes[node.output[0]])
    return found


def share_after(graph: Graph, tensor: str, costs: dict[str, int]) -> float | None:
    """The share of the cost that depends on a tensor; None where nothing has a cost."""
    total = sum(costs.values())
    if not total:
        return None
    after = graph.after({tensor}) - {tensor}
    return round(sum(cost for name, cost in costs.items() if name in after) / total, 6)


def _depth(graph: Graph, node: NodeProto, shapes: Shapes) -> int:
    """Number of products summed into one output value."""
    if node.op_type == "Conv" and (weight := shape_of(graph, node.input[1], shapes)):
        return prod(weight[1:])
    first = shapes.get(node.input[0]) if node.input else None
    if first and node.op_type == "MatMul":
        return first[-1]
    if first and node.op_type == "Gemm":
        return first[0] if attributes(node).get("transA") else first[1]
    return 0
