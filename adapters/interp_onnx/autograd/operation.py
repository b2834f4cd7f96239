"""The table of operations: each ONNX operation as a function of PyTorch tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from onnx import NodeProto, TensorProto, numpy_helper
from torch import Tensor

from interp_onnx.graph import FLOATS, attributes

FRACTION = torch.float32
"""The type of all fractions, whatever a graph says."""
WHOLE: dict[int, torch.dtype] = {
    TensorProto.INT64: torch.int64,
    TensorProto.INT32: torch.int32,
    TensorProto.INT16: torch.int16,
    TensorProto.INT8: torch.int8,
    TensorProto.UINT8: torch.uint8,
    TensorProto.BOOL: torch.bool,
}


@dataclass(frozen=True)
class Node:
    """One node of a graph: its attributes, and how to read them."""

    kind: str
    outputs: int
    attributes: dict[str, Any]
    opset: int

    @classmethod
    def of(cls, node: NodeProto, opset: int) -> Node:
        """The node as the operations read it."""
        return cls(node.op_type, len(node.output), attributes(node), opset)

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute; texts as str."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def axes(self, values: Sequence[Tensor | None], at: int = 1) -> list[int] | None:
        """The axes, which older graphs hold as an attribute and newer ones as an input."""
        if len(values) > at and values[at] is not None:
            return whole_numbers(values[at])
        found = self.get("axes")
        return None if found is None else list(found)


Values = Sequence[Tensor | None]
Operation = Callable[..., Tensor | Sequence[Tensor]]
OPERATIONS: dict[str, Operation] = {}
"""By ONNX's name; called with the node and its inputs, None for one that is left out."""


def operation(*kinds: str) -> Callable[[Operation], Operation]:
    """Enter a function(node, *inputs) in the table."""

    def enter(run: Operation) -> Operation:
        OPERATIONS.update(dict.fromkeys(kinds, run))
        return run

    return enter


def function(*kinds: str) -> Callable[[Operation], Operation]:
    """Enter a function(*inputs) in the table, of operations without settings."""

    def enter(run: Operation) -> Operation:
        OPERATIONS.update(dict.fromkeys(kinds, lambda _, *values: run(*values)))
        return run

    return enter


def type_of(element: int) -> torch.dtype:
    """The tensor type of an element type of ONNX."""
    return FRACTION if element in FLOATS else WHOLE[element]


def constant(value: TensorProto) -> Tensor:
    """A constant's value."""
    found = torch.from_numpy(numpy_helper.to_array(value).copy())
    return found.to(FRACTION) if found.is_floating_point() else found


def whole_numbers(value: Tensor | None) -> list[int]:
    """The numbers in a tensor of one axis, or none."""
    return [] if value is None else [int(each) for each in value.reshape(-1).tolist()]


def together(*values: Tensor) -> tuple[Tensor, ...]:
    """Tensors on one device: that of the first that is not on the CPU."""
    device = next((each.device for each in values if each.device.type != "cpu"), None)
    return values if device is None else tuple(each.to(device) for each in values)
