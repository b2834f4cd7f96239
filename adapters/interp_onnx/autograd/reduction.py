"""Operations that leave less of the values along some axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from interp_onnx.autograd.operation import Node, Values, operation

REDUCED: dict[str, Callable[[Tensor, tuple[int, ...], bool], Tensor]] = {
    "ReduceL1": lambda x, axes, kept: x.abs().sum(axes, kept),
    "ReduceL2": lambda x, axes, kept: x.square().sum(axes, kept).sqrt(),
    "ReduceLogSum": lambda x, axes, kept: x.sum(axes, kept).log(),
    "ReduceLogSumExp": lambda x, axes, kept: x.logsumexp(axes, kept),
    "ReduceMax": lambda x, axes, kept: x.amax(axes, kept),
    "ReduceMean": lambda x, axes, kept: x.mean(axes, kept),
    "ReduceMin": lambda x, axes, kept: x.amin(axes, kept),
    "ReduceProd": lambda x, axes, kept: _product(x, axes, kept),
    "ReduceSum": lambda x, axes, kept: x.sum(axes, kept, dtype=x.dtype),
    "ReduceSumSquare": lambda x, axes, kept: x.square().sum(axes, kept, dtype=x.dtype),
}
"""What is left of the values along some axes."""


@operation(*REDUCED)
def _reduce(node: Node, x: Tensor, *more: Tensor | None) -> Tensor:
    values: Values = (x, *more)
    axes = node.axes(values)
    if not axes and node.get("noop_with_empty_axes", 0):
        return x
    every = tuple(axes or range(x.dim()))
    kept = bool(node.get("keepdims", 1))
    return REDUCED[node.kind](x, every, kept) if every else x


def _product(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
    for axis in sorted((each % x.dim() for each in axes), reverse=True):
        x = x.prod(axis, kept, dtype=x.dtype)
    return x


@operation("ArgMax", "ArgMin")
def _extreme(node: Node, x: Tensor) -> Tensor:
    if node.get("select_last_index", 0):
        raise NotImplementedError("the last of several largest values")
    found = x if node.kind == "ArgMax" else -x
    return found.argmax(node.get("axis", 0), bool(node.get("keepdims", 1)))


@operation("TopK")
def _largest(node: Node, x: Tensor, count: Tensor) -> Sequence[Tensor]:
    number, axis = int(count.item()), node.get("axis", -1)
    values, places = torch.sort(x, stable=True, dim=axis, descending=bool(node.get("largest", 1)))
    return values.narrow(axis, 0, number), places.narrow(axis, 0, number)


@operation("CumSum")
def _running_sum(node: Node, x: Tensor, axis: Tensor) -> Tensor:
    along = int(axis.item())
    values = x.flip(along) if node.get("reverse", 0) else x
    found = values.cumsum(along)
    found = found - values if node.get("exclusive", 0) else found
    return found.flip(along) if node.get("reverse", 0) else found
