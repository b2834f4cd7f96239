"""A model's signature: its one image input and its scores output, found by their shapes."""

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
class ImageInput:
    """The image input: its layout, and what is fixed of its shape."""

    name: str
    layout: Literal["NCHW", "NHWC"]
    dtype: torch.dtype
    batch: int | None
    size: tuple[int, int] | None
    channels: int | None = None
    """3 for RGB, 1 for grey; None where the file leaves it free."""


def find_image(model: ModelProto, name: str) -> tuple[ImageInput, list[str]]:
    """The one input, an image, and notes on guesses; ModelError where there is no such input."""
    weights = {each.name for each in model.graph.initializer}  # inputs too, in old files
    values = [each for each in model.graph.input if each.name not in weights]
    if len(values) != 1:
        named = ", ".join(map(describe_value, values)) or "none"
        raise ModelError(f"{name} takes {len(values)} inputs ({named}); expected one image")
    value, shape = values[0], dims(values[0])
    kind = value.type.tensor_type.elem_type
    if len(shape) != 4 or kind not in DTYPES:
        raise ModelError(
            f"{name} takes {describe_value(value)}; "
            "expected an image, float (N, 3, H, W) or (N, H, W, 3)"
        )
    layout, notes = _layout(model, value, shape)
    axes = (1, 2, 3) if layout == "NCHW" else (3, 1, 2)
    channels, height, width = (shape[axis] for axis in axes)
    if channels not in (1, 3, None):
        raise ModelError(
            f"{name} takes {describe_value(value)}; expected 3 channels, RGB, or 1, grey"
        )
    size = (height, width) if height and width else None
    found = ImageInput(value.name, layout, DTYPES[kind], shape[0] or None, size, channels)
    return found, notes


def find_scores(model: ModelProto, name: str) -> tuple[str, list[str]]:
    """Name of the output of class scores, (N, K) or (N, K, 1, 1), and notes; else ModelError."""
    fits = [each for each in model.graph.output if _is_scores(each)]
    if len(fits) == 1:
        others = len(model.graph.output) - 1
        note = f"scores are output {fits[0].name!r}; {others} other outputs are not used"
        return fits[0].name, [note] * bool(others)
    found = ", ".join(map(describe_value, model.graph.output))
    raise ModelError(f"{name} answers {found}; expected one output of class scores (N, classes)")


def dims(value: ValueInfoProto) -> tuple[int | None, ...]:
    """Length of each axis, None where free; () where even the rank is unknown."""
    shape = value.type.tensor_type.shape.dim
    return tuple(each.dim_value if each.HasField("dim_value") else None for each in shape)


def describe_value(value: ValueInfoProto) -> str:
    """Name, type and shape for messages, such as `image: float (?, 3, 224, 224)`."""
    kind = value.type.WhichOneof("value") or "untyped"
    if kind != "tensor_type":
        return f"{value.name}: {kind.removesuffix('_type')}"
    number = value.type.tensor_type.elem_type
    valid = number in TensorProto.DataType.values()
    element = TensorProto.DataType.Name(number).lower() if valid else f"type {number}"
    shape = ", ".join(str("?" if each is None else each) for each in dims(value))
    return f"{value.name}: {element} ({shape})"


def _layout(
    model: ModelProto, value: ValueInfoProto, shape: tuple[int | None, ...]
) -> tuple[Literal["NCHW", "NHWC"], list[str]]:
    """Layout by the axis of length 3 (RGB), else 1 (grey); if both are, by what reads the input.

    It is NHWC where a Transpose does.
    """
    count = 3 if 3 in (shape[1], shape[3]) else 1
    first, last = shape[1] == count, shape[3] == count
    if first and not last:
        return "NCHW", []
    if last and not first:
        return "NHWC", [f"input layout NHWC, read from the shape {describe_value(value)}"]
    readers = [node for node in model.graph.node if value.name in node.input]
    turned = bool(readers) and all(node.op_type == "Transpose" for node in readers)
    layout: Literal["NCHW", "NHWC"] = "NHWC" if turned else "NCHW"
    if shape[1] is not None and not first:  # a channel count other than 3: the caller raises
        return "NCHW", []
    return layout, [f"input layout {layout} assumed for {describe_value(value)}"]


def _is_scores(value: ValueInfoProto) -> bool:
    """Whether the output may be scores (N, K) by its declared shape; an undeclared one may."""
    if value.type.WhichOneof("value") != "tensor_type":
        return False
    if value.type.tensor_type.elem_type not in DTYPES:
        return False
    shape = dims(value)
    return not shape or (len(shape) >= 2 and all(each in (1, None) for each in shape[2:]))
