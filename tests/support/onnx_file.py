"""An ONNX file that can be explained by hand: its scores are an image's mean colours."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import ModelProto, NodeProto, TensorProto, helper


def mean_colour(
    nodes: Sequence[NodeProto] = (), weights: Sequence[TensorProto] = (), side: int = 24
) -> ModelProto:
    """Three classes, each a channel's mean; of what the last of these nodes answers, if any."""
    last = nodes[-1].output[0] if nodes else "image"
    ends = [
        helper.make_node("GlobalAveragePool", [last], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["scores"]),
    ]
    image, scores = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("image", ("n", 3, side, side)), ("scores", ("n", 3)))
    )
    graph = helper.make_graph([*nodes, *ends], "mean colour", [image], [scores], list(weights))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
