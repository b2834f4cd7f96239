"""A model's signature: its one image input and its scores output, found by their shapes."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

import torch
from onnx import ModelProto, TensorProto, ValueInfoProto

from interp.errors import ModelError, nearest
from interp.network.outputs import advice

DTYPES = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.DOUBLE: torch.float64,
}
"""Types of scores, and of images that may be normalised."""
WHOLE = {TensorProto.UINT8: torch.uint8}
"""Types of images in whole numbers, 0 to 255."""
REDUCING = {"TopK", "ReduceMax", "ArgMax", "Max"}
"""Operations that keep the best of the scores only."""
RESHAPING = {"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose"}
"""Operations that leave every value as it is."""
ARITHMETIC = {"Sub", "Div", "Mul", "Add", "BatchNormalization"}
"""Operations that normalise an image, where they come before all others."""


@dataclass(frozen=True)
class ImageInput:
    """The image input: its layout, and what is fixed of its shape."""

    name: str
    layout: Literal["NCHW", "NHWC"]
    dtype: torch.dtype
    batch: int | None
    size: tuple[int, int] | None
    channels: int | None = None
    """3 for RGB, 1 for grey, others; None where the file leaves it free."""

    @property
    def whole(self) -> bool:
        """Whether the model takes whole numbers, 0 to 255, which cannot be normalised."""
        return self.dtype == torch.uint8


def find_image(model: ModelProto, name: str) -> tuple[ImageInput, list[str]]:
    """The one input, an image, and notes on guesses; ModelError where there is no such input."""
    weights = {each.name for each in model.graph.initializer}  # inputs too, in old files
    values = [each for each in model.graph.input if each.name not in weights]
    if len(values) != 1:
        named = ", ".join(map(describe_value, values)) or "none"
        raise ModelError(f"{name} takes {len(values)} inputs ({named}); expected one image")
    value, shape = values[0], dims(values[0])
    kind = value.type.tensor_type.elem_type
    types = {**DTYPES, **WHOLE}
    if len(shape) != 4 or kind not in types:
        raise ModelError(
            f"{name} takes {describe_value(value)}; "
            "expected an image, float or uint8 (N, 3, H, W) or (N, H, W, 3), or of other channels"
        )
    layout, notes = _layout(model, value, shape)
    axes = (1, 2, 3) if layout == "NCHW" else (3, 1, 2)
    channels, height, width = (shape[axis] for axis in axes)
    size = (height, width) if height and width else None
    if kind in WHOLE:
        notes = [*notes, "the model takes whole numbers: pixels are given as 0 to 255"]
    found = ImageInput(value.name, layout, types[kind], shape[0] or None, size, channels)
    return found, notes


def normalises(model: ModelProto, image: str) -> list[str]:
    """The arithmetic that the graph does on the image before anything else, as ["Sub", "Div"]."""
    weights = {each.name for each in model.graph.initializer}
    constants = [each for each in model.graph.node if each.op_type == "Constant"]
    weights |= {name for each in constants for name in each.output}
    tensor, found = image, list[str]()
    for node in model.graph.node:
        if tensor not in node.input:
            continue
        constant = all(each == tensor or each in weights for each in node.input)
        if node.op_type in ARITHMETIC and constant:
            found.append(node.op_type)
        elif node.op_type not in RESHAPING:
            break
        tensor = node.output[0]
    return found


def find_scores(model: ModelProto, name: str, wanted: str | None = None) -> tuple[str, list[str]]:
    """Name of the output of scores, (N, K), (N, K, 1, 1) or (N,), and notes; else ModelError.

    `wanted` is the name that the user gives. Without it, an output of the best scores alone gives
    way to one of all scores, and features to the scores that are computed of them.
    """
    outputs = list(model.graph.output)
    if wanted is not None:
        named = named_output(model, name, wanted)
        if not (_is_scores(named) or _is_scores(named, rank=1)):
            raise ModelError(
                f"output {describe_value(named)} of {name}; expected scores, float (N, classes)"
            )
        return wanted, []
    fits = [each for each in outputs if _is_scores(each)]
    fits = fits or [each for each in outputs if _is_scores(each, rank=1)]
    if not fits:
        found = ", ".join(map(describe_value, outputs))
        raise ModelError(
            f"{name} answers {found}; expected one output of class scores (N, classes)"
            f"{advice({each.name: len(dims(each)) for each in outputs})}"
        )
    if all(_keeps_best(model, each.name, {"TopK"}) for each in fits):
        best = ", ".join(map(describe_value, fits))
        raise ModelError(
            f"{name} answers the best scores only ({best}), not those of all classes; export it "
            "with the output before its TopK"
        )
    chosen = _preferred(model, fits)
    if len(outputs) == 1:
        return chosen.name, []
    rest = ", ".join(describe_value(each) for each in outputs if each is not chosen)
    also = " might be read too;" if len(fits) > 1 else " are not used;"
    return chosen.name, [
        f"scores are read from output {chosen.name!r}; {rest}{also} choose with --output-name NAME"
    ]


def named_output(model: ModelProto, name: str, wanted: str) -> ValueInfoProto:
    """The output of that name. Raises ModelError where there is none."""
    named = {each.name: each for each in model.graph.output}
    if wanted not in named:
        raise ModelError(f"{name} has no output {wanted!r}; {nearest(wanted, named)}")
    return named[wanted]


def _preferred(model: ModelProto, fits: list[ValueInfoProto]) -> ValueInfoProto:
    """The output most likely to hold the scores, of several that have their shape."""
    whole = [each for each in fits if not _keeps_best(model, each.name)] or fits
    features = [
        each
        for each in whole
        if any(
            dims(other)[1:2] != dims(each)[1:2] and other.name in _after(model, each.name)
            for other in whole
        )
    ]
    return next(each for each in whole if each not in features)


def _keeps_best(model: ModelProto, tensor: str, reducing: Set[str] = REDUCING) -> bool:
    """Whether a tensor holds the best scores only, by the operation that computes its values."""
    made = {out: node for node in model.graph.node for out in node.output if out}
    while tensor in made and made[tensor].op_type in RESHAPING:
        tensor = made[tensor].input[0]
    return tensor in made and made[tensor].op_type in reducing


def _after(model: ModelProto, tensor: str) -> set[str]:
    """The tensors that depend on one."""
    found = {tensor}
    for node in model.graph.node:
        if not found.isdisjoint(node.input):
            found.update(node.output)
    return found - {tensor}


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
    """Layout by the axis of length 3 (RGB), else 1 (grey), else by the shorter one.

    If both are, or none is known, by what reads the input: it is NHWC where a Transpose does.
    """
    known = [each for each in (shape[1], shape[3]) if each is not None]
    count = next((each for each in (3, 1) if each in known), min(known, default=None))
    first, last = (count is not None and shape[axis] == count for axis in (1, 3))
    if first and not last:
        return "NCHW", []
    if last and not first:
        return "NHWC", [f"input layout NHWC, read from the shape {describe_value(value)}"]
    readers = [node for node in model.graph.node if value.name in node.input]
    turned = bool(readers) and all(node.op_type == "Transpose" for node in readers)
    layout: Literal["NCHW", "NHWC"] = "NHWC" if turned else "NCHW"
    return layout, [f"input layout {layout} assumed for {describe_value(value)}"]


def _is_scores(value: ValueInfoProto, rank: int = 2) -> bool:
    """Whether the output may be scores (N, K) by its declared shape; an undeclared one may.

    With rank 1, whether it may be one score for each image, (N,).
    """
    if value.type.WhichOneof("value") != "tensor_type":
        return False
    if value.type.tensor_type.elem_type not in DTYPES:
        return False
    shape = dims(value)
    if rank == 1:
        return len(shape) == 1
    return not shape or (len(shape) >= 2 and all(each in (1, None) for each in shape[2:]))
