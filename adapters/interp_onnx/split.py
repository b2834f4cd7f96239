"""A graph split in two at a tensor, and what crosses between the halves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from onnx import ModelProto
from torch import Tensor

from interp_onnx.extract import Shape, extract
from interp_onnx.graph import Graph, inputs

BROADCASTING = {"Add", "Div", "Max", "Min", "Mul", "Sub", "Sum", "Where"}
"""Operations that take one image's tensor beside many images'."""


@dataclass(frozen=True, eq=False)
class Halves:
    """prefix(image) -> (activation, live tensors); suffix(activation, live tensors) -> scores."""

    graph: Graph
    shapes: Mapping[str, Shape]
    tensor: str
    live: tuple[str, ...]
    thin: tuple[bool, ...]
    """Which live tensors of one image may stay so for many, being broadcast."""

    def prefix(self) -> ModelProto:
        """A model with weights of its own."""
        return extract(self.graph, self.shapes, [self.graph.image], [self.tensor, *self.live])

    def suffix(self) -> ModelProto:
        """A model with weights of its own."""
        return extract(self.graph, self.shapes, [self.tensor, *self.live], [self.graph.output])


def halve(graph: Graph, tensor: str, shapes: Mapping[str, Shape]) -> Halves:
    """Split so that the suffix holds what depends on the tensor, and nothing else."""
    moved = graph.after({tensor})
    back = graph.before([graph.output], [tensor, *(graph.alive - moved)])
    read = {name for node in back for name in inputs(node)}
    live = tuple(sorted((read & graph.alive) - moved))
    thin = tuple(_broadcast(graph, name, moved) for name in live)
    return Halves(graph, shapes, tensor, live, thin)


def _broadcast(graph: Graph, name: str, moved: set[str]) -> bool:
    readers = [node for node in graph.readers[name] if not moved.isdisjoint(node.output)]
    return all(node.op_type in BROADCASTING for node in readers)


@dataclass(frozen=True, eq=False)
class Growth:
    """How a live tensor depends on the batch, learned from two images and from three."""

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
            return value.repeat([batch if axis == axes[0] else 1 for axis in range(value.dim())])
        if value.is_floating_point() or value.dtype == torch.bool:
            return value
        return self.two + (self.three - self.two) * (batch - 2)
