"""Operations of networks: products, convolutions, normalisations."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from interp_onnx.autograd.operation import Node, function, operation

CONVOLUTIONS = (functional.conv1d, functional.conv2d, functional.conv3d)
TRANSPOSED = (
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)
SOFTMAX_BY_AXIS = 13
"""The first opset whose softmax is over one axis; before, over all from `axis` on."""


@function("MatMul")
def _multiply(a: Tensor, b: Tensor) -> Tensor:
    return a @ b


@operation("Einsum")
def _einsum(node: Node, *values: Tensor) -> Tensor:
    return torch.einsum(node.get("equation"), *values)


@operation("Gemm")
def _gemm(node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    a = a.T if node.get("transA", 0) else a
    b = b.T if node.get("transB", 0) else b
    found = node.get("alpha", 1.0) * (a @ b)
    return found if c is None else found + node.get("beta", 1.0) * c


@operation("Conv")
def _convolve(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    rank = x.dim() - 2
    strides = node.get("strides", [1] * rank)
    dilations = node.get("dilations", [1] * rank)
    reach = [(size - 1) * step + 1 for size, step in zip(weight.shape[2:], dilations, strict=True)]
    x, padding = padded(node, x, reach, strides, 0.0)
    run = CONVOLUTIONS[rank - 1]
    return run(x, weight, bias, strides, padding, dilations, node.get("group", 1))


@operation("ConvTranspose")
def _convolve_back(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    rank = x.dim() - 2
    strides = node.get("strides", [1] * rank)
    dilations = node.get("dilations", [1] * rank)
    extra = node.get("output_padding", [0] * rank)
    run, groups = TRANSPOSED[rank - 1], node.get("group", 1)
    whole = run(x, weight, None, strides, 0, 0, groups, dilations)
    whole = functional.pad(whole, [each for more in reversed(extra) for each in (0, more)])
    sizes, wanted = whole.shape[2:], node.get("output_shape")
    auto, pads = node.get("auto_pad", "NOTSET"), node.get("pads", [0] * 2 * rank)
    if wanted is None and auto.startswith("SAME"):
        wanted = [size * step for size, step in zip(x.shape[2:], strides, strict=True)]
    if wanted is not None:
        missing = [max(0, have - want) for have, want in zip(sizes, wanted, strict=True)]
        short = [max(0, want - have) for have, want in zip(sizes, wanted, strict=True)]
        whole = functional.pad(whole, [each for more in reversed(short) for each in (0, more)])
        sizes = whole.shape[2:]
        small, large = [each // 2 for each in missing], [each - each // 2 for each in missing]
        pads = large + small if auto == "SAME_LOWER" else small + large
    for axis in range(rank):
        left, right = pads[axis], pads[rank + axis]
        whole = whole.narrow(2 + axis, left, sizes[axis] - left - right)
    return whole if bias is None else whole + bias.reshape(-1, *[1] * rank)


def padded(
    node: Node, x: Tensor, reach: list[int], strides: list[int], value: float
) -> tuple[Tensor, list[int]]:
    """x and what is left to pad on both sides alike, for windows that `reach` over some values."""
    rank = len(reach)
    auto, pads = node.get("auto_pad", "NOTSET"), list(node.get("pads", [0] * 2 * rank))
    if auto.startswith("SAME"):
        need = [
            max((-(-size // step) - 1) * step + over - size, 0)
            for size, step, over in zip(x.shape[2:], strides, reach, strict=True)
        ]
        small, large = [each // 2 for each in need], [each - each // 2 for each in need]
        pads = large + small if auto == "SAME_LOWER" else small + large
    elif auto == "VALID":
        pads = [0] * 2 * rank
    if pads[:rank] == pads[rank:] and value == 0.0:
        return x, pads[:rank]
    sides = [pads[at + side * rank] for at in reversed(range(rank)) for side in (0, 1)]
    return functional.pad(x, sides, value=value), [0] * rank


@operation("BatchNormalization")
def _batch_norm(
    node: Node, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    return functional.batch_norm(
        x, mean, variance, scale, bias, training=False, eps=node.get("epsilon", 1e-5)
    )


@operation("InstanceNormalization")
def _instance_norm(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return functional.instance_norm(x, weight=scale, bias=bias, eps=node.get("epsilon", 1e-5))


@operation("LayerNormalization")
def _layer_norm(
    node: Node, x: Tensor, scale: Tensor, bias: Tensor | None = None
) -> tuple[Tensor, ...]:
    axes = tuple(range(node.get("axis", -1) % x.dim(), x.dim()))
    mean = x.mean(axes, True)
    centred = x - mean
    spread = (centred.square().mean(axes, True) + node.get("epsilon", 1e-5)).rsqrt()
    found = centred * spread * scale
    return found if bias is None else found + bias, mean, spread


@operation("GroupNormalization")
def _group_norm(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    groups = node.get("num_groups")
    if len(scale) != x.shape[1]:  # before opset 21 one for each group
        scale, bias = (each.repeat_interleave(x.shape[1] // groups) for each in (scale, bias))
    return functional.group_norm(x, groups, scale, bias, node.get("epsilon", 1e-5))


@operation("LRN")
def _local_norm(node: Node, x: Tensor) -> Tensor:
    size = node.get("size")
    squares = functional.pad(x.square().flatten(2)[:, None], (0, 0, (size - 1) // 2, size // 2))
    means = functional.avg_pool2d(squares, (size, 1), 1)[:, 0].reshape(x.shape)
    return x / (node.get("bias", 1.0) + node.get("alpha", 1e-4) * means) ** node.get("beta", 0.75)


@operation("LpNormalization")
def _unit_length(node: Node, x: Tensor) -> Tensor:
    length = x.norm(node.get("p", 2), node.get("axis", -1), keepdim=True)
    return torch.where(length == 0, torch.zeros_like(x), x / length)


@operation("Softmax", "LogSoftmax")
def _softmax(node: Node, x: Tensor) -> Tensor:
    run = torch.softmax if node.kind == "Softmax" else torch.log_softmax
    if node.opset >= SOFTMAX_BY_AXIS:
        return run(x, node.get("axis", -1))
    axis = node.get("axis", 1) % max(x.dim(), 1)
    return run(x.reshape(*x.shape[:axis], -1), -1).reshape(x.shape)
