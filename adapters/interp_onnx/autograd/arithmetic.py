"""Operations on single values, and sums over axes."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from interp_onnx.autograd.operation import Node, function, operation, together, type_of

ALONE: dict[str, Callable[[Tensor], Tensor]] = {
    "Abs": torch.abs,
    "Atan": torch.atan,
    "Ceil": torch.ceil,
    "Cos": torch.cos,
    "Cosh": torch.cosh,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "HardSwish": functional.hardswish,
    "Identity": lambda x: x,
    "IsNaN": torch.isnan,
    "Log": torch.log,
    "Mish": functional.mish,
    "Neg": torch.neg,
    "Not": torch.logical_not,
    "Reciprocal": torch.reciprocal,
    "Relu": torch.relu,
    "Round": torch.round,
    "Sigmoid": torch.sigmoid,
    "Sign": torch.sign,
    "Sin": torch.sin,
    "Sinh": torch.sinh,
    "Softsign": functional.softsign,
    "Sqrt": torch.sqrt,
    "Tan": torch.tan,
    "Tanh": torch.tanh,
}
"""Functions of one tensor without settings."""

PAIRS: dict[str, Callable[[Any, Any], Tensor]] = {
    "Add": torch.add,
    "And": torch.logical_and,
    "Equal": torch.eq,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "Mul": torch.mul,
    "Or": torch.logical_or,
    "Sub": torch.sub,
    "Xor": torch.logical_xor,
}
"""Functions of two tensors that broadcast."""

MANY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Max": torch.maximum,
    "Min": torch.minimum,
    "Sum": torch.add,
}
"""Functions of two tensors, applied to any number one after another."""


for _kind, _alone in ALONE.items():
    function(_kind)(_alone)
for _kind, _pair in PAIRS.items():
    function(_kind)(lambda a, b, run=_pair: run(*together(a, b)))
for _kind, _many in MANY.items():
    function(_kind)(lambda *values, run=_many: reduce(run, together(*values)))


@function("Mean")
def _mean(*values: Tensor) -> Tensor:
    return reduce(torch.add, together(*values)) / len(values)


@function("Div")
def _divide(a: Tensor, b: Tensor) -> Tensor:
    a, b = together(a, b)
    whole = not a.is_floating_point() and not b.is_floating_point()
    return torch.div(a, b, rounding_mode="trunc" if whole else None)


@function("Pow")
def _power(x: Tensor, exponent: Tensor) -> Tensor:
    if exponent.numel() == 1:  # a number's slope is exact where x is 0 or negative
        number = exponent.item()
        found = x ** (int(number) if float(number).is_integer() else number)
        rank = max(x.dim(), exponent.dim())
        return found.reshape((1,) * (rank - x.dim()) + tuple(x.shape)).to(x.dtype)
    x, exponent = together(x, exponent)
    return torch.pow(x, exponent).to(x.dtype)


@operation("Mod")
def _modulo(node: Node, a: Tensor, b: Tensor) -> Tensor:
    a, b = together(a, b)
    return torch.fmod(a, b) if node.get("fmod", 0) else torch.remainder(a, b)


@function("Where")
def _where(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    condition, a, b = together(condition, a, b)
    return torch.where(condition, a, b)


@operation("Clip")
def _clip(node: Node, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    ends = [None if each is None else each.item() for each in (low, high)]
    least = node.get("min") if ends[0] is None else ends[0]
    most = node.get("max") if ends[1] is None else ends[1]
    return x if least is None and most is None else x.clamp(least, most)


@operation("LeakyRelu")
def _leaky(node: Node, x: Tensor) -> Tensor:
    return functional.leaky_relu(x, node.get("alpha", 0.01))


@operation("PRelu")
def _prelu(node: Node, x: Tensor, slope: Tensor) -> Tensor:
    if node.opset < 7 and slope.dim() == 1:  # one for each channel
        slope = slope.reshape(-1, *[1] * (x.dim() - 2))
    return torch.where(x < 0, slope * x, x)


@operation("Elu")
def _elu(node: Node, x: Tensor) -> Tensor:
    return functional.elu(x, node.get("alpha", 1.0))


@operation("Celu")
def _celu(node: Node, x: Tensor) -> Tensor:
    return functional.celu(x, node.get("alpha", 1.0))


@operation("Selu")
def _selu(node: Node, x: Tensor) -> Tensor:
    alpha = node.get("alpha", 1.6732631921768188)
    return node.get("gamma", 1.0507010221481323) * functional.elu(x, alpha)


@function("Softplus")
def _softplus(x: Tensor) -> Tensor:
    return torch.logaddexp(x, torch.zeros_like(x))


@operation("HardSigmoid")
def _hard_sigmoid(node: Node, x: Tensor) -> Tensor:
    return (node.get("alpha", 0.2) * x + node.get("beta", 0.5)).clamp(0, 1)


@operation("ThresholdedRelu")
def _thresholded(node: Node, x: Tensor) -> Tensor:
    return torch.where(x > node.get("alpha", 1.0), x, torch.zeros_like(x))


@operation("Gelu")
def _gelu(node: Node, x: Tensor) -> Tensor:
    return functional.gelu(x, approximate=node.get("approximate", "none"))


@function("Dropout")
def _dropout(x: Tensor, *_: Tensor | None) -> Tensor:
    return x


@operation("Cast")
def _cast(node: Node, x: Tensor) -> Tensor:
    return x.to(type_of(node.get("to")))


@function("CastLike")
def _cast_like(x: Tensor, like: Tensor) -> Tensor:
    return x.to(like.dtype)
