"""Resizing, as the operations Resize and Upsample define it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from interp_onnx.autograd.operation import Node, operation, whole_numbers

Places = Callable[[Tensor, float, int, int], Tensor]
"""(positions of the answer, scale, length before, length after) -> positions before."""
PLACES: dict[str, Places] = {
    "asymmetric": lambda x, scale, _a, _b: x / scale,
    "align_corners": lambda x, scale, a, b: x * (a - 1) / (a * scale - 1) if b > 1 else 0 * x,
    "half_pixel": lambda x, scale, _a, _b: (x + 0.5) / scale - 0.5,
    "half_pixel_symmetric": lambda x, scale, a, b: (
        a / 2 * (1 - b / (a * scale)) + (x + 0.5) / scale - 0.5
    ),
    "pytorch_half_pixel": lambda x, scale, _a, b: (
        (x + 0.5) / scale - 0.5 if b > 1 else torch.zeros_like(x)
    ),
}
ROUNDED: dict[str, Callable[[Tensor], Tensor]] = {
    "ceil": torch.ceil,
    "floor": torch.floor,
    "round_prefer_ceil": lambda x: torch.floor(x + 0.5),
    "round_prefer_floor": lambda x: torch.ceil(x - 0.5),
}


@operation("Upsample")
def _upsample(node: Node, x: Tensor, scales: Tensor | None = None) -> Tensor:
    return _enlarged(node, x, scales)


@operation("Resize")
def _resize(node: Node, x: Tensor, *given: Tensor | None) -> Tensor:
    if node.opset < 11:
        return _enlarged(node, x, *given)
    _, scales, sizes = [*given, None, None, None][:3]
    if node.get("antialias", 0) or node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise NotImplementedError("resizing that smooths, or that keeps the aspect")
    axes = node.get("axes") or list(range(x.dim()))
    factors, wanted = [1.0] * x.dim(), list(x.shape)
    exact = sizes is not None and sizes.numel() > 0
    for at, axis in enumerate(axes):
        if exact:
            wanted[axis] = whole_numbers(sizes)[at]
            factors[axis] = wanted[axis] / x.shape[axis]
        elif scales is not None:
            factors[axis] = float(scales.reshape(-1)[at])
    where = node.get("coordinate_transformation_mode", "half_pixel")
    rounding = node.get("nearest_mode", "round_prefer_floor")
    return _resized(node, x, factors, wanted if exact else None, where, rounding)


def _enlarged(node: Node, x: Tensor, scales: Tensor | None) -> Tensor:
    """As these operations were before opset 11."""
    given = node.get("scales") if scales is None else scales.tolist()
    return _resized(node, x, list(given), None, "asymmetric", "floor")


def _resized(
    node: Node,
    x: Tensor,
    scales: list[float],
    sizes: list[int] | None,
    where: str,
    rounding: str,
) -> Tensor:
    """x with each axis read at other places: the nearest values, or means of two neighbours."""
    mode = node.get("mode", "nearest")
    if mode not in ("nearest", "linear") or where not in PLACES:
        raise NotImplementedError(f"resizing {mode}, {where}")
    for axis, scale in enumerate(scales):
        before = x.shape[axis]
        after = int(before * scale) if sizes is None else sizes[axis]
        if scale == 1.0 and after == before:
            continue
        at = PLACES[where](torch.arange(after, dtype=torch.float64), scale, before, after)
        if mode == "nearest":
            near = ROUNDED[rounding](at).clamp(0, before - 1).long()
            x = x.index_select(axis, near.to(x.device))
            continue
        low = at.floor()
        share = (at - low).to(x).reshape([-1 if each == axis else 1 for each in range(x.dim())])
        ends = [(low + more).clamp(0, before - 1).long().to(x.device) for more in (0, 1)]
        first, second = (x.index_select(axis, each) for each in ends)
        x = first + (second - first) * share
    return x
