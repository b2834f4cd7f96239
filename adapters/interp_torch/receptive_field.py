"""Receptive fields through torch's operations: how each changes what a tensor's cells see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from interp.network.receptive_field import GridField

aten = torch.ops.aten


def _pair(value: Any) -> tuple[int, int]:
    values = [value] if isinstance(value, int) else list(value)
    return (values[0], values[-1])


def _windows(kernel: Any, stride: Any, pad: Any, dilation: Any) -> list[tuple[int, int, int, int]]:
    """(kernel, stride, pad, dilation) along y and along x."""
    return list(zip(_pair(kernel), _pair(stride), _pair(pad), _pair(dilation), strict=True))


def _filled(args: tuple[Any, ...], *defaults: Any) -> tuple[Any, ...]:
    """The arguments of a call with the defaults of those left out."""
    return (*args, *defaults[len(args) :])[: len(defaults)]


def _convolution(sight: GridField, _: Tensor, *args: Any) -> GridField | None:
    weight, _bias, stride, pad, dilation, transposed = args[1:7]
    if transposed or weight.dim() != 4:
        return None
    return sight.slide(*_windows(weight.shape[2:], stride, pad, dilation))


def _pool(sight: GridField, _: Tensor, *args: Any) -> GridField | None:
    kernel, stride, pad = _filled(args, None, None, (), 0)[1:]
    return sight.slide(*_windows(kernel, stride or kernel, pad, 1))


def _max_pool(sight: GridField, _: Tensor, *args: Any) -> GridField | None:
    kernel, stride, pad, dilation = _filled(args, None, None, (), 0, 1)[1:]
    return sight.slide(*_windows(kernel, stride or kernel, pad, dilation))


def _adaptive_pool(sight: GridField, output: Tensor, *args: Any) -> GridField | None:
    """Even pools only: others have windows of several sizes."""
    pairs = list(zip(sight.grid, output.shape[2:], strict=True))
    if sight.axes != (2, 3) or any(got == 1 or had % got for had, got in pairs):
        return None
    kernel = [had // got for had, got in pairs]
    return _pool(sight, output, args[0], kernel)


def _pad(sight: GridField, _: Tensor, *args: Any) -> GridField | None:
    left, _right, top, _bottom = [*args[1], 0, 0][:4]
    return sight.slide((1, 1, top, 1), (1, 1, left, 1))


def _slice(sight: GridField, _: Tensor, *args: Any) -> GridField | None:
    """Every `step`-th cell from `start`; along other axes than y and x nothing changes."""
    tensor, dim, start, _end, step = _filled(args, None, 0, None, None, 1)
    dim %= tensor.dim()
    if sight.axes is None or dim not in sight.axes:
        return sight
    first = (start or 0) % tensor.shape[dim]
    moved, still = (1, step, -first, 1), (1, 1, 0, 1)
    return sight.slide(moved, still) if dim == sight.axes[0] else sight.slide(still, moved)


def _split(sight: GridField, _: Tensor, *args: Any) -> GridField | None:
    return sight.split((args[2] if len(args) > 2 else 0) % args[0].dim())


def _permute(sight: GridField, output: Tensor, *args: Any) -> GridField | None:
    return sight.permute([each % output.dim() for each in args[1]])


def _transpose(sight: GridField, output: Tensor, *args: Any) -> GridField | None:
    order = list(range(output.dim()))
    first, second = args[1], args[2]
    order[first], order[second] = order[second], order[first]
    return sight.permute(order)


def _view(sight: GridField, output: Tensor, *args: Any) -> GridField | None:
    """Cells survive where y and x stay whole: (.., h, w), (N, h, w, C) and (N * h * w, C)."""
    shape, before = tuple(output.shape), args[0]
    if shape == tuple(before.shape):
        return sight
    if sight.axes == (before.dim() - 2, before.dim() - 1) and shape[-2:] == sight.grid:
        return replace(sight, axes=(len(shape) - 2, len(shape) - 1))
    rows = len(before) * sight.grid[0] * sight.grid[1]
    if sight.axes == (1, 2) and len(shape) == 2 and shape[0] == rows:
        return replace(sight, axes=None)
    if sight.axes is None and len(shape) == 4 and shape[1:3] == sight.grid:
        return replace(sight, axes=(1, 2))
    return None


def _same(sight: GridField, *_: Any) -> GridField | None:
    return sight


Rule = Callable[..., GridField | None]
RULES: dict[Any, Rule] = {
    aten.convolution: _convolution,
    aten._convolution: _convolution,
    aten.max_pool2d_with_indices: _max_pool,
    aten.avg_pool2d: _pool,
    aten._adaptive_avg_pool2d: _adaptive_pool,
    aten.constant_pad_nd: _pad,
    aten.reflection_pad2d: _pad,
    aten.replication_pad2d: _pad,
    aten.slice: _slice,
    aten.split: _split,
    aten.split_with_sizes: _split,
    aten.permute: _permute,
    aten.transpose: _transpose,
    aten.view: _view,
    aten._unsafe_view: _view,
    aten.native_batch_norm: _same,
    aten.cudnn_batch_norm: _same,
    aten._native_batch_norm_legit_no_training: _same,
    aten.native_layer_norm: _same,
    aten.native_group_norm: _same,
    aten.clone: _same,
    aten._to_copy: _same,
    aten.detach: _same,
    aten.alias: _same,
    aten.mm: _same,
    aten.addmm: _same,
}
"""rule(sight of the input, output, *arguments): what the output's cells see."""
