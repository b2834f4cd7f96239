"""Whether a tensor of a model still holds its values, found without comparing them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor, nn

STEP, WHOLE = 509, 1 << 12
"""Of tensors with more than WHOLE values every STEP-th is compared, and at least one of each row.

STEP is prime, so that every column has its turn. In ResNet-18 it takes a tenth of the time that
comparing all values takes.
"""


def named_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The parameters and the buffers of a module that hold floating-point numbers in a plain way.

    Buffers of whole numbers are left out: they count calls or hold positions.
    """
    import torch

    found = (*module.named_parameters(), *module.named_buffers())
    for name, each in found:
        if each.is_floating_point() and each.layout == torch.strided and not each.is_meta:
            yield name, each


@dataclass(frozen=True, eq=False)
class Originals:
    """Copies of a module's tensors, by the tensor's id, from which changed ones are put back."""

    copies: dict[int, Tensor]

    @classmethod
    def of(cls, module: nn.Module, most: int) -> Originals | None:
        """Copies of at most `most` bytes; None where the tensors take more."""
        tensors = [each for _, each in named_tensors(module)]
        if sum(each.nbytes for each in tensors) > most:
            return None
        return cls({id(each): each.detach().clone() for each in tensors})


class WeightState(NamedTuple):
    """One tensor at one moment: where its values were, how often it was written, and a sample.

    `whole` samples all values.
    """

    name: str
    tensor: Tensor
    values: Tensor
    version: int | None
    view: Tensor
    """The sample as a view: it shows what the memory holds later, too."""
    sample: Tensor
    requires_grad: bool
    grad: Tensor | None
    whole: bool = False

    @classmethod
    def of(cls, name: str, tensor: Tensor, whole: bool = False) -> WeightState:
        """The state of a tensor now."""
        (found,) = WeightGroup.all_of([(name, tensor)], whole)
        return found.states[0]

    @property
    def moved(self) -> bool:
        """Whether the tensor has other memory now."""
        now, before = self.tensor, self.values
        return now.data_ptr() != before.data_ptr() or now.stride() != before.stride()

    @property
    def written(self) -> bool:
        """Whether PyTorch has counted that the tensor was written."""
        return _version(self.tensor) != self.version

    def changed(self, original: Tensor | None = None) -> bool:
        """Whether the values are others now; all are compared where `original` holds them."""
        now = self.tensor.detach()
        if self.moved:  # the adapter may lay the same values out anew
            return not _equal(now, self.values)
        if original is not None and self.written:
            return not _equal(now, original)
        return not _equal(_sample(self.tensor, self.whole), self.sample)

    def restore(self, original: Tensor | None) -> bool:
        """Put the values back; False where nothing holds them or PyTorch refuses."""
        import torch

        untouched = original
        if original is None and self.tensor.data_ptr() != self.values.data_ptr():
            if not _equal(_sample(self.values, self.whole), self.sample):
                return False
            untouched = self.values
        if untouched is None:
            return False
        with suppress(RuntimeError), torch.no_grad():
            if self.tensor.shape != untouched.shape or self.tensor.dtype != untouched.dtype:
                self.tensor.data = self.values
            self.tensor.data.copy_(untouched)
            return True
        return False

    def restore_gradient(self) -> Iterator[str]:
        """Put back whether a gradient is asked for, and the gradient; says what was another."""
        if self.tensor.requires_grad != self.requires_grad:
            self.tensor.requires_grad_(self.requires_grad)
            yield "requires_grad"
        if self.tensor.grad is not self.grad:
            self.tensor.grad = self.grad
            yield "gradients"


@dataclass(frozen=True, eq=False)
class WeightGroup:
    """Tensors of one type and device, whose samples are compared at once, which is faster."""

    states: tuple[WeightState, ...]
    samples: Tensor
    """All samples, one after another."""

    @classmethod
    def all_of(cls, tensors: Iterable[tuple[str, Tensor]], whole: bool) -> list[WeightGroup]:
        """The states of named tensors now."""
        groups: dict[tuple[object, object], list[tuple[str, Tensor, Tensor]]] = {}
        for name, tensor in tensors:
            view = _sample(tensor, whole)
            groups.setdefault((tensor.dtype, tensor.device), []).append((name, tensor, view))
        return [cls._of(each, whole) for each in groups.values()]

    @classmethod
    def _of(cls, listed: list[tuple[str, Tensor, Tensor]], whole: bool) -> WeightGroup:
        import torch

        samples = torch.cat([view for *_, view in listed])
        pieces = samples.split([len(view) for *_, view in listed])
        states = (
            WeightState(
                name,
                tensor,
                tensor.detach(),
                _version(tensor),
                view,
                sample,
                tensor.requires_grad,
                tensor.grad,
                whole,
            )
            for (name, tensor, view), sample in zip(listed, pieces, strict=True)
        )
        return cls(tuple(states), samples)

    def changed(self, originals: Originals | None) -> Iterator[tuple[WeightState, Tensor | None]]:
        """The tensors whose values are others now, each with its original where that was kept."""
        import torch

        copies = {} if originals is None else originals.copies
        same = torch.equal(torch.cat([each.view for each in self.states]), self.samples)
        for each in self.states:
            original = copies.get(id(each.tensor))
            if (not same or each.moved or each.written) and each.changed(original):
                yield each, original


def _version(tensor: Tensor) -> int | None:
    """How often the tensor was written; PyTorch does not count this in inference mode."""
    return None if tensor.is_inference() else tensor._version


def _sample(tensor: Tensor, whole: bool) -> Tensor:
    """Some of the values, (n,), in the order of the memory."""
    values = tensor.detach()
    if not values.is_contiguous():
        values = values.permute(sorted(range(values.dim()), key=values.stride, reverse=True))
    flat = values.reshape(-1)
    if whole or len(flat) <= WHOLE:
        return flat
    return flat[:: max(1, min(STEP, len(flat) // len(values) - 1))]


def _equal(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors are alike; NaN is like NaN."""
    import torch

    if (first.shape, first.dtype, first.device) != (second.shape, second.dtype, second.device):
        return False
    return torch.equal(first, second) or bool(
        torch.isclose(first, second, rtol=0, atol=0, equal_nan=True).all()
    )


def names_of(names: Iterable[str]) -> str:
    """The first of some names, and how many more there are."""
    first, *rest = dict.fromkeys(names)
    return f"{first} and {len(rest)} more" if rest else first
