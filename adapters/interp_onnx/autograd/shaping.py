"""Operations that move, cut and join values, and those on shapes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional

from interp_onnx.autograd.operation import (
    FRACTION,
    Node,
    constant,
    function,
    operation,
    together,
    whole_numbers,
)


@operation("Shape")
def _shape(node: Node, x: Tensor) -> Tensor:
    return torch.tensor(x.shape[node.get("start", 0) : node.get("end", None)], dtype=torch.int64)


@function("Size")
def _size(x: Tensor) -> Tensor:
    return torch.tensor(x.numel())


@operation("Constant")
def _constant(node: Node) -> Tensor:
    if (value := node.get("value")) is not None:
        return constant(value)
    for name, dtype in (("float", FRACTION), ("int", torch.int64)):
        for key in (f"value_{name}", f"value_{name}s"):
            if (value := node.get(key)) is not None:
                return torch.tensor(value, dtype=dtype)
    raise ValueError(f"a constant of {sorted(node.attributes)}")


@operation("ConstantOfShape")
def _filled(node: Node, shape: Tensor) -> Tensor:
    value = node.get("value")
    filling = torch.zeros(1, dtype=FRACTION) if value is None else constant(value)
    return filling.reshape(()).expand(whole_numbers(shape)).clone()


@function("Range")
def _range(start: Tensor, limit: Tensor, step: Tensor) -> Tensor:
    return torch.arange(start.item(), limit.item(), step.item(), dtype=start.dtype)


@operation("Reshape")
def _reshape(node: Node, x: Tensor, shape: Tensor) -> Tensor:
    sizes = whole_numbers(shape)
    if not node.get("allowzero", 0):
        sizes = [x.shape[at] if each == 0 else each for at, each in enumerate(sizes)]
    return x.reshape(sizes)


@operation("Flatten")
def _flatten(node: Node, x: Tensor) -> Tensor:
    axis = node.get("axis", 1)
    return x.reshape(x.shape[:axis].numel(), -1)


@operation("Squeeze")
def _squeeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    chosen = node.axes((x, axes))
    return x.squeeze() if chosen is None else x.squeeze(tuple(chosen))


@operation("Unsqueeze")
def _unsqueeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    chosen = node.axes((x, axes)) or []
    rank = x.dim() + len(chosen)
    return reduce(torch.unsqueeze, sorted(each % rank for each in chosen), x)


@operation("Transpose")
def _transpose(node: Node, x: Tensor) -> Tensor:
    return x.permute(node.get("perm") or tuple(range(x.dim()))[::-1])


@operation("Concat")
def _concatenate(node: Node, *values: Tensor) -> Tensor:
    return torch.cat(together(*values), node.get("axis"))


@operation("Split")
def _split(node: Node, x: Tensor, sizes: Tensor | None = None) -> Sequence[Tensor]:
    axis = node.get("axis", 0)
    given = whole_numbers(sizes) if sizes is not None else node.get("split")
    if given is None:
        each = -(-x.shape[axis] // (node.get("num_outputs") or node.outputs))
        return x.split(each, axis)
    return x.split(list(given), axis)


@operation("Slice")
def _slice(node: Node, x: Tensor, *given: Tensor | None) -> Tensor:
    starts, ends, axes, steps = (
        [*map(whole_numbers, given), *[[]] * (4 - len(given))]
        if given
        else [list(node.get(key) or []) for key in ("starts", "ends", "axes")] + [[]]
    )
    for at, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis, step = (axes[at] if axes else at), (steps[at] if steps else 1)
        chosen = range(x.shape[axis])[start:end:step]
        if step > 0:
            within = slice(chosen.start, chosen.stop, step)
            x = x[(slice(None),) * (axis % x.dim()) + (within,)]
        else:
            x = x.index_select(axis, torch.tensor(list(chosen), device=x.device))
    return x


@function("Expand")
def _expand(x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, tuple(whole_numbers(shape))))


@function("Tile")
def _tile(x: Tensor, repeats: Tensor) -> Tensor:
    return x.repeat(whole_numbers(repeats))


@operation("Trilu")
def _triangle(node: Node, x: Tensor, offset: Tensor | None = None) -> Tensor:
    at = 0 if offset is None else int(offset.item())
    return x.triu(at) if node.get("upper", 1) else x.tril(at)


@operation("Pad")
def _pad(
    node: Node,
    x: Tensor,
    pads: Tensor | None = None,
    filling: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    given = list(node.get("pads") or []) if pads is None else whole_numbers(pads)
    chosen = list(range(x.dim())) if axes is None else whole_numbers(axes)
    sides = [(0, 0)] * x.dim()
    for axis, before, after in zip(chosen, given[: len(chosen)], given[len(chosen) :], strict=True):
        sides[axis] = (before, after)
    mode = node.get("mode", "constant")
    value = node.get("value", 0.0) if filling is None else filling.item()
    if mode == "constant":
        return functional.pad(x, [each for pair in reversed(sides) for each in pair], value=value)
    for axis, (before, after) in enumerate(sides):
        x = x.index_select(axis, _beyond(x.shape[axis], before, after, mode).to(x.device))
    return x


def _beyond(size: int, before: int, after: int, mode: str) -> Tensor:
    """Which values stand where, along an axis that is continued by itself."""
    at = torch.arange(-before, size + after)
    if mode == "edge":
        return at.clamp(0, size - 1)
    if mode == "wrap":
        return at.remainder(size)
    period = max(2 * (size - 1), 1)
    folded = at.remainder(period)
    return torch.minimum(folded, period - folded)


@operation("DepthToSpace")
def _spread(node: Node, x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    size = node.get("blocksize")
    if node.get("mode", "DCR") == "CRD":
        return functional.pixel_shuffle(x, size)
    blocks = x.reshape(n, size, size, c // size**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return blocks.reshape(n, c // size**2, h * size, w * size)


@operation("SpaceToDepth")
def _gathered(node: Node, x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    size = node.get("blocksize")
    if node.get("mode", "DCR") == "CRD":
        return functional.pixel_unshuffle(x, size)
    blocks = x.reshape(n, c, h // size, size, w // size, size).permute(0, 3, 5, 1, 2, 4)
    return blocks.reshape(n, c * size**2, h // size, w // size)
