"""A model's one image input and its scores, found by their shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from onnx import ModelProto, TensorProto, ValueInfoProto

from interp.errors import ModelError

DTYPES = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.DOUBLE: torch.float64,
}


@dataclass(frozen=True)
class Port:
    """The image input: its layout and what is fixed of its shape."""

    name: str
    layout: Literal["NCHW", "NHWC"]
    dtype: torch.dtype
    batch: int | None
    size: tuple[int, int] | None

    def shape(self, batch: int | str, size: tuple[int, int]) -> tuple[int | str | None, ...]:
        """The input's shape for images of this size."""
        return (batch, 3, *size) if self.layout == "NCHW" else (batch, *size, 3)


def find_image(model: ModelProto, name: str) -> tuple[Port, list[str]]:
    """The one input that is an image, and notes on what was guessed."""
    weights = {each.name for each in model.graph.initializer}  # inputs too, in old files
    ports = [each for each in model.graph.input if each.name not in weights]
    if len(ports) != 1:
        named = ", ".join(map(told, ports)) or "none"
        raise ModelError(f"{name} takes {len(ports)} inputs ({named}); expected one image")
    port, shape = ports[0], dims(ports[0])
    kind = port.type.tensor_type.elem_type
    if len(shape) != 4 or kind not in DTYPES:
        raise ModelError(
            f"{name} takes {told(port)}; expected an image, float (N, 3, H, W) or (N, H, W, 3)"
        )
    layout, notes = _layout(model, port, shape)
    axes = (1, 2, 3) if layout == "NCHW" else (3, 1, 2)
    channels, height, width = (shape[axis] for axis in axes)
    if channels not in (3, None):
        raise ModelError(f"{name} takes {told(port)}; expected 3 channels, RGB")
    size = (height, width) if height and width else None
    return Port(port.name, layout, DTYPES[kind], shape[0] or None, size), notes


def find_scores(model: ModelProto, name: str) -> tuple[str, list[str]]:
    """The output that holds class scores, (N, K) or (N, K, 1, 1)."""
    fits = [each for each in model.graph.output if _is_scores(each)]
    if len(fits) == 1:
        others = len(model.graph.output) - 1
        note = f"scores are output {fits[0].name!r}; {others} other outputs are not used"
        return fits[0].name, [note] * bool(others)
    found = ", ".join(map(told, model.graph.output))
    raise ModelError(f"{name} answers {found}; expected one output of class scores (N, classes)")


def dims(port: ValueInfoProto) -> tuple[int | None, ...]:
    """Per axis its length, None where free; empty where even the rank is unknown."""
    shape = port.type.tensor_type.shape.dim
    return tuple(each.dim_value if each.HasField("dim_value") else None for each in shape)


def told(port: ValueInfoProto) -> str:
    """`image: float (N, 3, 224, 224)` as a user reads it."""
    kind = port.type.WhichOneof("value") or "untyped"
    if kind != "tensor_type":
        return f"{port.name}: {kind.removesuffix('_type')}"
    number = port.type.tensor_type.elem_type
    known = number in TensorProto.DataType.values()
    element = TensorProto.DataType.Name(number).lower() if known else f"type {number}"
    shape = ", ".join(str("?" if each is None else each) for each in dims(port))
    return f"{port.name}: {element} ({shape})"


def _layout(
    model: ModelProto, port: ValueInfoProto, shape: tuple[int | None, ...]
) -> tuple[Literal["NCHW", "NHWC"], list[str]]:
    """By the axis of length 3; where both could be, by whether the image is transposed first."""
    first, last = shape[1] == 3, shape[3] == 3
    if first and not last:
        return "NCHW", []
    if last and not first:
        return "NHWC", [f"input layout NHWC, read from the shape {told(port)}"]
    readers = [node for node in model.graph.node if port.name in node.input]
    turned = bool(readers) and all(node.op_type == "Transpose" for node in readers)
    layout: Literal["NCHW", "NHWC"] = "NHWC" if turned else "NCHW"
    if shape[1] is not None and not first:  # a channel count other than 3: told by the caller
        return "NCHW", []
    return layout, [f"input layout {layout} assumed for {told(port)}"]


def _is_scores(port: ValueInfoProto) -> bool:
    """Whether the declared shape may be (N, K); an undeclared one may."""
    if port.type.WhichOneof("value") != "tensor_type":
        return False
    if port.type.tensor_type.elem_type not in DTYPES:
        return False
    shape = dims(port)
    return not shape or (len(shape) >= 2 and all(each in (1, None) for each in shape[2:]))
