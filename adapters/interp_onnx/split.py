"""Parts of a model as models of their own, and the split of a graph in two at a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx
import torch
from onnx import ModelProto, TensorProto, helper
from torch import Tensor

from interp_onnx.graph import Graph, inputs
from interp_onnx.shapes import Shape

BROADCASTING = {"Add", "Div", "Max", "Min", "Mul", "Sub", "Sum", "Where"}
"""Operations that broadcast one image's tensor to many images."""

FREE_WEIGHTS = 4
"""The first version of the format in which weights need not stand among the inputs."""


@dataclass(frozen=True, eq=False)
class Halves:
    """prefix(image) -> (activation, *live tensors); suffix(activation, *live tensors) -> scores.

    Each is a model with weights of its own.
    """

    graph: Graph
    shapes: Mapping[str, Shape]
    tensor: str
    live: tuple[str, ...]
    broadcast: tuple[bool, ...]
    """Which live tensors of one image may serve many images, as operations broadcast them."""

    def prefix(self) -> ModelProto:
        return extract(self.graph, self.shapes, [self.graph.image], [self.tensor, *self.live])

    def suffix(self) -> ModelProto:
        return extract(self.graph, self.shapes, [self.tensor, *self.live], [self.graph.output])


def halve(graph: Graph, tensor: str, shapes: Mapping[str, Shape]) -> Halves:
    """Split the graph so that the suffix holds only what depends on the tensor."""
    moved = graph.after({tensor})
    back = graph.before([graph.output], [tensor, *(graph.alive - moved)])
    read = {name for node in back for name in inputs(node)}
    live = tuple(sorted((read & graph.alive) - moved))
    broadcast = tuple(_is_broadcast(graph, name, moved) for name in live)
    return Halves(graph, shapes, tensor, live, broadcast)


def _is_broadcast(graph: Graph, name: str, moved: set[str]) -> bool:
    readers = [node for node in graph.readers[name] if not moved.isdisjoint(node.output)]
    return all(node.op_type in BROADCASTING for node in readers)


@dataclass(frozen=True, eq=False)
class Growth:
    """How a live tensor depends on the batch: its values for two images and for three."""

    two: Tensor
    three: Tensor

    def grow(self, value: Tensor, batch: int) -> Tensor:
        """`value`, made from one image, as it would be for `batch` images."""
        axes = [
            axis
            for axis, (a, b) in enumerate(zip(self.two.shape, self.three.shape, strict=True))
            if a != b
        ]
        if axes:  # the batch is the outer factor of the first axis that follows it
            counted = self._counted(value, axes[0], batch)
            if counted is not None:
                return counted
            return value.repeat([batch if axis == axes[0] else 1 for axis in range(value.dim())])
        if value.is_floating_point() or value.dtype == torch.bool:
            return value
        return self.two + (self.three - self.two) * (batch - 2)

    def _counted(self, value: Tensor, axis: int, batch: int) -> Tensor | None:
        """Whole numbers that count the images, such as indices into the batch, for `batch` images.

        None unless they rise by the same step from image to image, whatever the images hold.
        """
        if value.is_floating_point() or value.dtype == torch.bool:
            return None
        (one, two), rest = self.two.chunk(2, axis), self.three.chunk(3, axis)
        step = two - one
        expected = (one, two, two + step)
        if not torch.equal(value, one) or not all(map(torch.equal, rest, expected)):
            return None
        return torch.cat([one + step * number for number in range(batch)], axis)


def extract(
    graph: Graph, shapes: Mapping[str, Shape], given: Sequence[str], wanted: Sequence[str]
) -> ModelProto:
    """The model that computes the `wanted` tensors from the `given` ones.

    Outputs come in the order of `wanted` under names of their own, so that a given tensor may be
    wanted too. Shapes recorded in the whole model are left out: they may hold another batch.
    """
    nodes = graph.before(wanted, given)
    read = {name for node in nodes for name in inputs(node)} | set(wanted)
    copies = [
        helper.make_node("Identity", [name], [f"interp.answer.{index}"])
        for index, name in enumerate(wanted)
    ]
    taken = [_info(graph, each, each, _free(shapes[each], at)) for at, each in enumerate(given)]
    answers = [
        _info(graph, name, copy.output[0], shapes[name])
        for name, copy in zip(wanted, copies, strict=True)
    ]
    inner = helper.make_graph([*nodes, *copies], "part", taken, answers)
    part = helper.make_model(inner, opset_imports=graph.model.opset_import)  # copies the graph
    part.graph.initializer.extend(
        weight for name, weight in graph.weights.items() if name in read and name not in given
    )
    part.ir_version = max(graph.model.ir_version, FREE_WEIGHTS)
    onnx.checker.check_model(part)
    return part


def _free(shape: Shape, index: int) -> tuple[int | str, ...]:
    """The shape with a name for free lengths, another one for each tensor.

    Were the name shared, onnxruntime would assume equal shapes and write one tensor into the
    other's memory; but one tensor may hold a single image where the other holds many.
    """
    return tuple(f"free{index}" if each is None else each for each in shape)


def _info(
    graph: Graph, name: str, label: str, shape: Sequence[int | str | None]
) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(label, graph.types.get(name) or TensorProto.FLOAT, shape)
