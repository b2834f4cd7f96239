"""Attention in ONNX graphs: the softmax nodes whose rows are shares between tokens."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import NodeProto

from interp.errors import UnsupportedError
from interp_onnx.graph import Graph, attributes, opset_of
from interp_onnx.naming import module_of

FUSED = ("Attention", "MultiHeadAttention", "QAttention", "GroupQueryAttention")
"""Operations that attend in one step, so that no tensor holds the probabilities."""
LAST_BY_DEFAULT = 13
"""The first opset in which Softmax is over the last axis unless it says otherwise."""


def attention_tensors(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> list[tuple[str, str]]:
    """Name and tensor of every layer's probabilities, in the order of execution.

    Tensors (N, heads, T, S) or (N * heads, T, S). Raises UnsupportedError for fused attention.
    """
    found = []
    for node in graph.nodes:
        if node.op_type in FUSED:
            raise UnsupportedError(
                f"the file attends in one fused step ({node.op_type}), which shows no "
                "probabilities; export the model anew with an opset below 23 and unoptimised"
            )
        if node.op_type == "Softmax" and _over_last(graph, node, shapes):
            found.append((module_of(node), node.output[0]))
    return found


def _over_last(graph: Graph, node: NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether a softmax of values that depend on the image is over the last of 3 or 4 axes."""
    rank = len(shapes.get(node.output[0], ()))
    axis = attributes(node).get("axis", -1 if opset_of(graph.model) >= LAST_BY_DEFAULT else 1)
    return node.output[0] in graph.alive and rank in (3, 4) and axis in (-1, rank - 1)
