"""Pooling."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from interp_onnx.autograd.network_layers import padded
from interp_onnx.autograd.operation import Node, function, operation


@function("GlobalAveragePool")
def _mean_of_map(x: Tensor) -> Tensor:
    return x.mean(tuple(range(2, x.dim())), True)


@function("GlobalMaxPool")
def _most_of_map(x: Tensor) -> Tensor:
    return x.amax(tuple(range(2, x.dim())), True)


@operation("MaxPool")
def _max_pool(node: Node, x: Tensor) -> Tensor:
    if node.outputs > 1:
        raise NotImplementedError("the places of the largest values")
    kernel, strides, dilations = _windows(node)
    reach = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
    x = _pool_padded(node, x, reach, strides, -torch.inf)
    run = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)[len(kernel) - 1]
    return run(x, kernel, strides, 0, dilations)


@operation("AveragePool")
def _mean_pool(node: Node, x: Tensor) -> Tensor:
    kernel, strides, dilations = _windows(node)
    if any(each != 1 for each in dilations):
        raise NotImplementedError("average pooling with dilations")
    ones = torch.ones_like(x[:1, :1])
    if node.get("count_include_pad", 0):  # what ceil_mode adds at the end is not counted
        ones = padded(node, ones, kernel, strides, 1.0)[0]
        ones = _rounded_up(node, ones, kernel, strides, 0.0)
    else:
        ones = _pool_padded(node, ones, kernel, strides, 0.0)
    x = _pool_padded(node, x, kernel, strides, 0.0)
    run = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)[len(kernel) - 1]
    return run(x, kernel, strides) / run(ones, kernel, strides)


def _windows(node: Node) -> tuple[list[int], list[int], list[int]]:
    """Sizes, strides and dilations of a pooling's windows."""
    kernel = list(node.get("kernel_shape"))
    ones = [1] * len(kernel)
    return kernel, list(node.get("strides", ones)), list(node.get("dilations", ones))


def _pool_padded(
    node: Node, x: Tensor, reach: list[int], strides: list[int], value: float
) -> Tensor:
    """x with all of its padding, also that of windows which begin in x and end behind it."""
    x, both = padded(node, x, reach, strides, value)
    sides = [each for pad in reversed(both) for each in (pad, pad)]
    return _rounded_up(node, functional.pad(x, sides, value=value), reach, strides, value)


def _rounded_up(
    node: Node, x: Tensor, reach: list[int], strides: list[int], value: float
) -> Tensor:
    """x with more at its ends where the number of windows is rounded up."""
    if not node.get("ceil_mode", 0):
        return x
    sides = []
    pads = list(node.get("pads", [0] * 2 * len(reach)))
    for at, (size, over, step) in enumerate(zip(x.shape[2:], reach, strides, strict=True)):
        windows = -(-(size - over) // step) + 1
        if (windows - 1) * step >= size - pads[len(reach) + at]:  # it would begin in the padding
            windows -= 1
        sides.append(max((windows - 1) * step + over - size, 0))
    return functional.pad(x, [each for more in reversed(sides) for each in (0, more)], value=value)
