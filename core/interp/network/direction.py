"""Derivatives along many directions at a layer, a bounded batch of directions at a time."""

from __future__ import annotations

from collections.abc import Callable

from interp.lazy_type import Tensor

MOST = 64
"""Most directions differentiated at once; a run can be stopped in between."""
BYTES = 1 << 25
"""Memory that the directions differentiated at once may take."""
OnStep = Callable[[int, int], None]
"""on_step(done, total), called after each batch of directions; it may raise to stop the work."""


def ignore(done: int, total: int) -> None:
    """No-op step callback."""


def derivatives(
    derivative: Callable[[Tensor], Tensor],
    activation: Tensor,
    count: int,
    directions: Callable[[Tensor], Tensor],
    on_step: OnStep = ignore,
) -> Tensor:
    """Derivatives (count, T) at an activation (1, ...) along directions numbered 0 to count - 1.

    directions(chosen) makes those of some numbers (M,), as (M, ...); derivative(directions) answers
    (M, T) for them.
    """
    import torch

    batch = max(1, min(MOST, BYTES // max(activation[0].nbytes, 1)))
    found: list[Tensor] = []
    for chosen in torch.arange(count, device=activation.device).split(batch):
        found.append(derivative(directions(chosen)))
        on_step(int(chosen[-1]) + 1, count)
    return torch.cat(found)


def one_hot(chosen: Tensor, activation: Tensor) -> Tensor:
    """Directions (M, ...) that are 1 in one value of an activation (1, ...) each, 0 elsewhere."""
    import torch

    shape = activation.shape[1:]
    found = torch.zeros(len(chosen), shape.numel(), device=activation.device)
    found[torch.arange(len(chosen)), chosen] = 1
    return found.reshape(-1, *shape)
