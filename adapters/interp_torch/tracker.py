"""A dispatch mode that follows a forward pass: receptive fields of all tensors, and FLOPs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from interp.network.receptive_field import GridField, Span, union
from interp_torch.receptive_field import RULES
from interp_torch.work import work

aten = torch.ops.aten
UNTAGGED = {
    aten.hardswish, aten.hardswish_, aten._prelu_kernel, aten.log_sigmoid_forward, aten.copy_,
    aten.native_dropout, aten.hardtanh_, aten.hardsigmoid_, aten.leaky_relu, aten.leaky_relu_,
    aten.elu_, aten.celu_, aten.selu_,
}  # fmt: skip
"""Operations on each element alone that torch, or torch 2.9, does not tag as such."""


class Tracker(TorchDispatchMode):
    """While active, follows what every tensor's cells see of `images` (N, 3, h, w), and the FLOPs.

    Gates and statistics of the whole image that only scale the cells (squeeze-and-excitation,
    group norm) are left out: they do not move a cell's centre. After any other operation that
    mixes the whole image, receptive fields are unknown. N is at least 2, so that constants can be
    told apart from values that follow the batch.
    """

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.work = 0
        self._seen = WeakTensorKeyDictionary()
        self._seen[images] = GridField(Span(), Span(), (2, 3), (images.shape[2], images.shape[3]))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Overridden: torch would import its compiler, for four seconds, only to skip it."""
        return False

    def sight(self, value: object) -> GridField | None:
        """What the cells of a tensor see, where that is known."""
        return self._seen.get(value) if isinstance(value, Tensor) else None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        self.work += work(func.overloadpacket, output, args)
        for each in _tensors([output]):
            sight = self._follow(func, args, each)
            sight = sight and sight.resized(each.shape)
            if sight is None:
                self._seen.pop(each, None)
            else:
                self._seen[each] = sight
        return output

    def _follow(self, func: Any, args: tuple[Any, ...], output: Tensor) -> GridField | None:
        packet = func.overloadpacket
        if packet is aten.cat:
            dim = (args[1] if len(args) > 1 else 0) % output.dim()
            joined = self._join(args[0], output)
            return None if joined is None or dim in (joined.axes or ()) else joined
        if packet in RULES:
            sight = self.sight(args[1 if packet is aten.addmm else 0])
            return None if sight is None else RULES[packet](sight, output, *args)
        pointwise = torch.Tag.pointwise in func.tags or packet in UNTAGGED
        return self._join(_tensors(args), output) if pointwise else None

    def _join(self, tensors: Iterable[Tensor], output: Tensor) -> GridField | None:
        return union((self.sight(each), each.shape == output.shape) for each in tensors)


def _tensors(values: Iterable[Any]) -> list[Tensor]:
    """The tensors among the values and in the lists and tuples among them."""
    opened = [each if isinstance(each, (list, tuple)) else [each] for each in values]
    return [each for group in opened for each in group if isinstance(each, Tensor)]
