"""Floating-point operations of what a network does, as torch.utils.flop_counter counts them.

That module imports Triton, which takes as long as a small network's whole explanation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten


def _convolution(output: Tensor, x: Tensor, weight: Tensor, *given: Any) -> int:
    """Two for each weight that each value is multiplied with."""
    transposed = len(given) > 4 and bool(given[4])
    return 2 * (x if transposed else output).numel() * weight[0].numel()


def _product(output: Tensor, first: Tensor, *_: Any) -> int:
    return 2 * output.numel() * first.shape[-1]


def _sum_and_product(output: Tensor, _: Tensor, first: Tensor, *__: Any) -> int:
    return 2 * output.numel() * first.shape[-1]


def _attention(_: Any, query: Tensor, key: Tensor, value: Tensor, *__: Any) -> int:
    """Both products: queries with keys, and what they make with values."""
    return 2 * query[..., 0].numel() * key.shape[-2] * (query.shape[-1] + value.shape[-1])


COUNTS: dict[Any, Callable[..., int]] = {
    aten.convolution: _convolution,
    aten._convolution: _convolution,
    aten.mm: _product,
    aten.bmm: _product,
    aten.addmm: _sum_and_product,
    aten.baddbmm: _sum_and_product,
    aten._scaled_dot_product_efficient_attention: _attention,
    aten._scaled_dot_product_flash_attention: _attention,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_cudnn_attention: _attention,
}
"""count(output, *inputs) by operation; all others count as none."""


def work(operation: Any, output: Any, inputs: tuple[Any, ...]) -> int:
    """The floating-point operations of one operation, two for a product that is added."""
    count = COUNTS.get(operation)
    return 0 if count is None else count(output, *inputs)
