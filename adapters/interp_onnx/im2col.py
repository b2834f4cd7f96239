"""Convolutions and mean pools as matrix products, for which onnxruntime has float64 kernels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from interp_onnx.graph import attributes, opset_of
from interp_onnx.shapes import Shape

PLANE = np.array([2, 3])
"""The axes y and x."""


def unfold(model: ModelProto, shapes: Mapping[str, Shape]) -> None:
    """Rewrite a model in place; nodes of other forms than those handled here stay."""
    graph, draft = model.graph, Draft()
    weights = {each.name: each for each in graph.initializer}
    opset = opset_of(model)
    for node in graph.node:
        kernel = _kernel(node, weights, shapes)
        if kernel is not None:
            _convolve(draft, node, kernel, shapes)
        elif node.op_type == "GlobalAveragePool" and len(shapes.get(node.input[0], ())) == 4:
            _average(draft, node, opset)
        else:
            draft.nodes.append(node)
    del graph.node[:]
    graph.node.extend(draft.nodes)
    graph.initializer.extend(draft.weights)


@dataclass(frozen=True)
class Draft:
    """Nodes written so far, and their constants."""

    nodes: list[NodeProto] = field(default_factory=list)
    weights: list[TensorProto] = field(default_factory=list)
    prefix: str = "interp.unfold"
    """How the names of new tensors begin."""

    def add(self, kind: str, *inputs: str | np.ndarray, output: str = "", **given: object) -> str:
        """Append a node, with arrays among its inputs as constants; returns its output's name."""
        names = [each if isinstance(each, str) else self._constant(each) for each in inputs]
        output = output or f"{self.prefix}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [output], **given))  # type: ignore[arg-type]
        return output

    def _constant(self, value: np.ndarray) -> str:
        name = f"{self.prefix}.constant.{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name


def _kernel(
    node: NodeProto, weights: Mapping[str, TensorProto], shapes: Mapping[str, Shape]
) -> np.ndarray | None:
    """Kernel (O, C / groups, h, w) of a convolution, or of a mean pool as a depthwise one."""
    given: dict[str, Any] = attributes(node)
    if node.op_type not in ("Conv", "AveragePool") or len(shapes.get(node.output[0], ())) != 4:
        return None
    if given.get("auto_pad", b"NOTSET") != b"NOTSET":
        return None
    if node.op_type == "Conv":
        held = weights.get(node.input[1])
        return None if held is None else numpy_helper.to_array(held)
    uneven = any(given.get("pads", ())) and not given.get("count_include_pad")
    if uneven or given.get("ceil_mode"):
        return None
    window, channels = given["kernel_shape"], shapes[node.input[0]][1] or 0
    return np.full((channels, 1, *window), 1 / prod(window), np.float32)


def _convolve(
    draft: Draft, node: NodeProto, kernel: np.ndarray, shapes: Mapping[str, Shape]
) -> None:
    """Multiply the kernel as a matrix with the shifted inputs, one for each kernel cell."""
    outputs, *size = shapes[node.output[0]][1:]
    groups = (shapes[node.input[0]][1] or 0) // kernel.shape[1]
    shape = np.array([0, groups, kernel.shape[1], -1])
    pieces = _shifted_inputs(draft, node, kernel.shape[2:], np.array(size))
    columns = [draft.add("Reshape", piece, shape) for piece in pieces]  # (N, groups, C', y x)
    under = draft.add("Concat", *columns, axis=2)  # (N, groups, h w C', y x)
    matrix = kernel.transpose(0, 2, 3, 1).reshape(groups, kernel.shape[0] // groups, -1)
    answer = draft.add("MatMul", np.ascontiguousarray(matrix), under)
    biased = len(node.input) > 2 and bool(node.input[2])
    target = "" if biased else node.output[0]
    answer = draft.add("Reshape", answer, np.array([0, outputs, *size]), output=target)
    if biased:
        bias = draft.add("Reshape", node.input[2], np.array([-1, 1, 1]))
        draft.add("Add", answer, bias, output=node.output[0])


def _shifted_inputs(
    draft: Draft, node: NodeProto, window: tuple[int, ...], size: np.ndarray
) -> Iterator[str]:
    """The input shifted and strided for each kernel cell, (N, C, *size) each."""
    given: dict[str, Any] = attributes(node)
    top, left, bottom, right = given.get("pads", (0, 0, 0, 0))
    strides, dilations = (np.array(given.get(each, [1, 1])) for each in ("strides", "dilations"))
    source = draft.add("Pad", node.input[0], np.array([0, 0, top, left, 0, 0, bottom, right]))
    for cell in np.ndindex(*window):
        start = np.array(cell) * dilations
        yield draft.add("Slice", source, start, start + (size - 1) * strides + 1, PLANE, strides)


def _average(draft: Draft, node: NodeProto, opset: int) -> None:
    if opset < 18:  # the axes became an input then
        draft.add("ReduceMean", node.input[0], axes=[2, 3], output=node.output[0])
    else:
        draft.add("ReduceMean", node.input[0], PLANE, output=node.output[0])
