"""A quantised graph without its rounding, so that its scores have slopes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper
from torch import Tensor

from interp_onnx.graph import Graph, attributes
from interp_onnx.im2col import Draft
from interp_onnx.shapes import Shape
from interp_onnx.split import Halves

POOLS = ("QLinearGlobalAveragePool", "QLinearAveragePool", "QLinearLeakyRelu", "QLinearSigmoid",
         "QLinearSoftmax")  # fmt: skip
"""Operations of one quantised input."""
OWN = {"channels_last", "opset"}
"""Attributes that only the quantised forms of operations have."""


def smooth_suffix(halves: Halves, activation: Tensor) -> tuple[ModelProto, Mapping[str, Shape]]:
    """The model of what follows the cut, and its tensors' shapes; a quantised one without rounding.

    `activation` holds the layer's values for some images.
    """
    part = halves.suffix()
    if not halves.graph.quantised:
        return part, halves.shapes
    reach = (float(activation.min()), float(activation.max()))
    return unround(part, halves.tensor, halves.shapes, reach)


def unround(
    model: ModelProto, given: str, shapes: Mapping[str, Shape], reach: tuple[float, float]
) -> tuple[ModelProto, dict[str, Shape]]:
    """The model in fractions, and its tensors' shapes; `given` is the input that slopes are by.

    Its values `reach` from the least to the largest.

    Rounding to whole numbers becomes a limit to their range, which is what is left of it where the
    steps are small (the straight-through estimator). Whole-numbered weights become fractions, and
    operations on whole numbers those on fractions.
    """
    work = Unrounding(Graph(model, given, model.graph.output[0].name), dict(shapes), reach)
    for node in model.graph.node:
        work.take(node)
    changed = ModelProto()
    changed.CopyFrom(model)
    del changed.graph.node[:]
    changed.graph.node.extend(work.draft.nodes)
    changed.graph.initializer.extend(work.draft.weights)
    return changed, work.shapes


@dataclass
class Unrounding:
    """The rewriting of one graph, node by node in the order of execution."""

    graph: Graph
    shapes: dict[str, Shape]
    reach: tuple[float, float]
    draft: Draft = field(default_factory=lambda: Draft(prefix="interp.unrounded"))
    floats: dict[str, str] = field(default_factory=dict)
    """Whole-numbered tensors that have fractions, and the names of these."""

    def take(self, node: NodeProto) -> None:
        """Write a node in fractions."""
        kind, names = node.op_type, list(node.input)
        if kind == "QuantizeLinear" and names[0] == self.graph.image and self._inside(*names[1:3]):
            self.floats[node.output[0]] = names[0]  # its values at an end of the range may leave it
        elif kind == "QuantizeLinear":
            self._answer(node, names[0], *names[1:3])
        elif kind == "DequantizeLinear":
            self._dequantise(node)
        elif kind == "QLinearConv":
            self._convolve(node)
        elif kind == "QGemm":
            self._multiply(node)
        elif kind == "QLinearMatMul":
            factors = (self._fractions(*names[at : at + 3]) for at in (0, 3))
            self._answer(node, self.draft.add("MatMul", *factors), *names[6:8])
        elif kind in ("QLinearAdd", "QLinearMul"):
            terms = (self._fractions(*names[at : at + 3]) for at in (0, 3))
            made = self.draft.add(kind.removeprefix("QLinear"), *terms)
            self._answer(node, made, *names[6:8])
        elif kind in POOLS:
            source = self._fractions(*names[:3])
            made = self.draft.add(kind.removeprefix("QLinear"), source, **self._plain(node))
            self._answer(node, self._shaped(made, node), *names[3:5])
        elif kind == "QLinearConcat":
            terms = (self._fractions(*names[at : at + 3]) for at in range(2, len(names), 3))
            self._answer(node, self.draft.add("Concat", *terms, **self._plain(node)), *names[:2])
        else:
            self._copy(node)

    def _copy(self, node: NodeProto) -> None:
        """The node as it is, or, where it moves whole numbers, the same for their fractions."""
        copy = NodeProto()
        copy.CopyFrom(node)
        moving = any(name in self.floats for name in node.input)
        for at, name in enumerate(node.input):
            copy.input[at] = self.floats.get(name, name)
        for at, name in enumerate(node.output if moving else ()):
            copy.output[at] = self.floats[name] = f"{name}.float"
            self.shapes[copy.output[at]] = self.shapes.get(name, ())
        self.draft.nodes.append(copy)

    def _dequantise(self, node: NodeProto) -> None:
        source, made = node.input[0], node.output[0]
        value = None if source in self.floats else self.graph.constant(made)
        if value is not None:
            self.draft.weights.append(numpy_helper.from_array(value, made))
        else:
            self.draft.add("Identity", self._fractions(*node.input), output=made)

    def _convolve(self, node: NodeProto) -> None:
        source, scale, zero, weight, weight_scale, weight_zero, *_ = node.input
        kernel = self._constant_fractions(weight, weight_scale, weight_zero, axis=0)
        given: list[str | np.ndarray] = [self._fractions(source, scale, zero), kernel]
        if len(node.input) > 8:
            steps = self._value(scale) * self._value(weight_scale)
            given.append((self._value(node.input[8]) * steps).astype(np.float32))
        made = self.draft.add("Conv", *given, **self._plain(node))
        self._answer(node, self._shaped(made, node), *node.input[6:8])

    def _multiply(self, node: NodeProto) -> None:
        settings = self._plain(node)
        axis = 0 if settings.get("transB") else 1
        name, scale, zero = node.input[3:6]
        weight = self._constant_fractions(name, scale, zero, axis=axis)
        given: list[str | np.ndarray] = [self._fractions(*node.input[:3]), weight]
        if len(node.input) > 6 and node.input[6]:
            steps = self._value(node.input[1]) * self._value(node.input[4])
            steps = steps * float(settings.get("alpha", 1.0))
            given.append((self._value(node.input[6]) * steps).astype(np.float32))
        made = self.draft.add("Gemm", *given, **settings)
        if len(node.input) > 8:
            self._answer(node, made, *node.input[7:9])
        else:
            self.draft.add("Identity", made, output=node.output[0])

    def _answer(self, node: NodeProto, fractions: str, scale: str, zero: str = "") -> None:
        """Limit fractions to the range of the whole numbers that the node answers."""
        name, ends = node.output[0], self._ends(scale, zero)
        self.floats[name] = self.draft.add("Clip", fractions, *ends, output=f"{name}.float")
        self.shapes[f"{name}.float"] = self.shapes.get(name, ())

    def _inside(self, scale: str, zero: str = "") -> bool:
        """Whether the input's values lie in the range of whole numbers, but for their rounding.

        Those of a tensor that is rectified by this range, as quantisers arrange it, do not.
        """
        low, high = self._ends(scale, zero)
        step = float(self._value(scale).ravel()[0])
        return bool(self.reach[0] >= low - step and self.reach[1] <= high + step)

    def _ends(self, scale: str, zero: str = "") -> tuple[np.ndarray, np.ndarray]:
        """The fractions that the least and the largest whole number stand for."""
        limits = np.iinfo(self._value(zero).dtype if zero else np.uint8)
        step, middle = self._value(scale), self._value(zero) if zero else np.zeros(1)
        low, high = (
            np.array((each - middle.astype(np.float64)).ravel()[0] * step.ravel()[0], np.float32)
            for each in (limits.min, limits.max)
        )
        return low, high

    def _fractions(self, name: str, scale: str, zero: str = "") -> str | np.ndarray:
        """The fractions that a tensor of whole numbers stands for."""
        if name in self.floats:
            return self.floats[name]
        if self.graph.constant(name) is not None:
            return self._constant_fractions(name, scale, zero)
        whole = self.draft.add("Cast", name, to=TensorProto.FLOAT)  # from before the cut
        middle = self._value(zero) if zero else np.zeros(1)
        shifted = self.draft.add("Sub", whole, middle.astype(np.float32))
        found = self.draft.add("Mul", shifted, self._value(scale).astype(np.float32))
        self.shapes[found] = self.shapes.get(name, ())
        return found

    def _constant_fractions(
        self, name: str, scale: str, zero: str = "", axis: int = -1
    ) -> np.ndarray:
        """A constant's fractions; a scale for each of several channels lies along `axis`."""
        value = self._value(name).astype(np.float64)
        shape = [1] * value.ndim
        if value.ndim:
            shape[axis] = -1
        step = self._value(scale).reshape(shape)
        middle = self._value(zero).reshape(shape) if zero else np.zeros(shape)
        return ((value - middle.astype(np.float64)) * step).astype(np.float32)

    def _value(self, name: str) -> np.ndarray:
        value = self.graph.constant(name)
        if value is None:
            raise ValueError(f"{name} is no constant")
        return value

    def _shaped(self, made: str, node: NodeProto) -> str:
        """A new tensor's name, once its shape is recorded as that of the node's answer."""
        self.shapes[made] = self.shapes.get(node.output[0], ())
        return made

    @staticmethod
    def _plain(node: NodeProto) -> dict[str, Any]:
        return {key: value for key, value in attributes(node).items() if key not in OWN}
