"""Sums and means that are function calls, which have no module for Zennit to give a rule to."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

STABLE = 1e-6
"""Least size of what is divided by, as Zennit's stabilizer has it."""
ADDING = (torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__, Tensor.add_, Tensor.__iadd__)
AVERAGING = (torch.mean, Tensor.mean)


class SplitSums(TorchFunctionMode):
    """Within the block, what this thread adds or averages passes relevance on to each summand.

    Of y = sum_i x_i, summand i gets x_i / y of y's relevance: Zennit's rule Norm, which it gives to
    average pooling, and to the sums in torchvision's ResNets.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """The function's own answer, with its relevance split where it is a sum or a mean."""
        given = kwargs or {}
        if (
            func in ADDING
            and not given
            and all(map(_depends, args))
            and args[0].shape == args[1].shape
        ):
            return split(operator.add, *args)
        if func in AVERAGING and _depends(args[0]):
            return split(lambda each: torch.mean(each, *args[1:], **given), args[0])
        return func(*args, **given)


def _depends(value: Any) -> bool:
    """Whether a value comes from the image, in a pass that is recorded."""
    return isinstance(value, Tensor) and value.grad_fn is not None


def split(function: Callable[..., Tensor], *summands: Tensor) -> Tensor:
    """A linear function's answer y, of whose relevance each summand x gets x * slope / y."""
    copies = [each.view_as(each) for each in summands]
    for copy, each in zip(copies, summands, strict=True):
        kept = each.detach().clone()  # an operation in place may follow
        copy.register_hook(lambda slope, kept=kept: slope * kept)
    total = function(*copies)
    divisor = total.detach().clone()
    divisor = divisor + torch.where(divisor < 0, -STABLE, STABLE)
    total.register_hook(lambda relevance: relevance / divisor)
    return total.view_as(total)
