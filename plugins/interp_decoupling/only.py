"""Convolution of only the filters that are on, from channels that are not all zero."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

PAYS = 5e7
"""Multiply-adds of a convolution on one image from which gathering channels saves time.
Ours, from the layer times of benchmarks/decoupling_speed.py at 32, 64 and 224 pixels on one thread.
"""


def pays(convolution: nn.Conv2d, maps: Tensor) -> bool:
    """Whether skipping filters saves time; not on a GPU, which would synchronise at each layer."""
    height, width = size(convolution, maps)
    return maps.device.type == "cpu" and height * width * convolution.weight.numel() >= PAYS


def only_on(
    convolution: nn.Conv2d, norm: nn.Module, maps: Tensor, codes: Tensor, fed: bool
) -> Tensor:
    """norm(convolution(maps)) * codes for codes (B, n) of 0 and 1, without the filters at 0.

    Images whose codes are equal are computed together. `fed`: input channels may be all zero.
    """
    kinds, group = codes.bool().unique(dim=0, return_inverse=True)
    if len(kinds) == 1:
        return _placed(convolution, norm, maps, kinds[0], fed)
    found = [
        _placed(convolution, norm, maps[group == at], kind, fed) for at, kind in enumerate(kinds)
    ]
    return torch.cat(found)[group.argsort(stable=True).argsort()]


def size(convolution: nn.Conv2d, maps: Tensor) -> tuple[int, int]:
    """(h', w') of a convolution's output."""
    padding = convolution._reversed_padding_repeated_twice  # left, right, top, bottom
    height, width = (
        (maps.shape[2 + axis] + sum(padding[2 * (1 - axis) :][:2]) - reach - 1)
        // convolution.stride[axis]
        + 1
        for axis, reach in enumerate(
            dilation * (side - 1)
            for dilation, side in zip(convolution.dilation, convolution.kernel_size, strict=True)
        )
    )
    return height, width


def _placed(
    convolution: nn.Conv2d, norm: nn.Module, maps: Tensor, kind: Tensor, fed: bool
) -> Tensor:
    """Maps (B, n, h', w') of images with one code (n,) bool, off filters 0."""
    on = kind.nonzero()[:, 0]
    if not len(on):
        return _zeros(maps, len(kind), size(convolution, maps))
    found = _some(convolution, norm, maps, on, fed)
    whole = _zeros(found, len(kind), found.shape[2:])
    if not _channels_last(found):
        return whole.index_copy_(1, on, found)
    inside = found.permute(0, 2, 3, 1)
    whole.permute(0, 2, 3, 1).scatter_(3, on.expand(inside.shape), inside)
    return whole


def _zeros(maps: Tensor, channels: int, grid: Sequence[int]) -> Tensor:
    """(B, channels, *grid) in the layout of maps."""
    if _channels_last(maps):
        return maps.new_zeros(len(maps), *grid, channels).permute(0, 3, 1, 2)
    return maps.new_zeros(len(maps), channels, *grid)


def _some(convolution: nn.Conv2d, norm: nn.Module, maps: Tensor, on: Tensor, fed: bool) -> Tensor:
    """Maps (B, on, h', w') of the filters `on`."""
    weight = convolution.weight[on]
    if fed:
        alive = maps.abs().amax((0, 2, 3)).nonzero()[:, 0]
        if not len(alive):
            alive = on.new_zeros(1)  # a channel of zeros: what is left is the bias
        if len(alive) < maps.shape[1]:
            maps, weight = _gathered(maps, alive), _gathered(weight, alive)
    bias = None if convolution.bias is None else convolution.bias[on]
    found = convolution._conv_forward(maps, weight, bias)
    if not isinstance(norm, nn.BatchNorm2d):
        return found
    mean, spread, scale, shift = (
        None if each is None else each[on]
        for each in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return batch_norm(found, mean, spread, scale, shift, False, 0.0, norm.eps)


def _gathered(maps: Tensor, chosen: Tensor) -> Tensor:
    """The channels `chosen` of maps, or of filters, in their layout."""
    if not _channels_last(maps):
        return maps.index_select(1, chosen)
    inside = maps.permute(0, 2, 3, 1)
    found = inside.gather(3, chosen.expand(*inside.shape[:3], -1))
    return found.permute(0, 3, 1, 2)


def _channels_last(maps: Tensor) -> bool:
    """Whether the memory format is channels last, where gather and scatter are 20 times as fast."""
    return maps.is_contiguous(memory_format=torch.channels_last) and not maps.is_contiguous()
