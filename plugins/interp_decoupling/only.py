"""A convolution that computes only the filters that are on, from channels that are not all zero."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import batch_norm

PAYS = 2e7
"""Multiply-adds of a convolution on one image from which gathering channels is worth its time.
Ours; to be set by benchmarks/decoupling_speed.py.
"""


def pays(convolution: nn.Conv2d, maps: Tensor) -> bool:
    """Whether to gather channels: not on a GPU, which would wait at each layer."""
    height, width = size(convolution, maps)
    return maps.device.type == "cpu" and height * width * convolution.weight.numel() >= PAYS


def only_on(
    convolution: nn.Conv2d, norm: nn.Module, maps: Tensor, codes: Tensor, fed: bool
) -> Tensor:
    """norm(convolution(maps)) * codes for codes (B, n) of 0 and 1, without the filters at 0.

    Images whose codes are equal are computed together. `fed`: input channels may be all zero.
    """
    whole = maps.new_zeros(len(maps), codes.shape[1], *size(convolution, maps))
    kinds, group = codes.bool().unique(dim=0, return_inverse=True)
    for at, kind in enumerate(kinds):
        on = kind.nonzero()[:, 0]
        if not len(on):
            continue
        if len(kinds) == 1:
            whole.index_copy_(1, on, _some(convolution, norm, maps, on, fed).to(whole.dtype))
        else:
            rows = (group == at).nonzero()[:, 0]
            found = _some(convolution, norm, maps[rows], on, fed)
            whole[rows[:, None], on] = found.to(whole.dtype)
    return whole


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


def _some(convolution: nn.Conv2d, norm: nn.Module, maps: Tensor, on: Tensor, fed: bool) -> Tensor:
    """Maps (B, on, h', w') of the filters `on`."""
    weight = convolution.weight.index_select(0, on)
    if fed:
        alive = maps.abs().amax((0, 2, 3)).nonzero()[:, 0]
        if not len(alive):
            alive = on.new_zeros(1)  # a channel of zeros: what is left is the bias
        if len(alive) < maps.shape[1]:
            maps, weight = maps.index_select(1, alive), weight.index_select(1, alive)
    bias = None if convolution.bias is None else convolution.bias[on]
    found = convolution._conv_forward(maps, weight, bias)
    if not isinstance(norm, nn.BatchNorm2d):
        return found
    mean, spread, scale, shift = (
        None if each is None else each[on]
        for each in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return batch_norm(found, mean, spread, scale, shift, False, 0.0, norm.eps)
