"""Scores inside a module's answer: found where only one part can be meant, and taken out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from interp.network.outputs import outline, part, parts

LOGITS = "logits"
"""The part that is meant by its name, whatever else the answer holds."""
DEPTH = 2
"""How deep in an answer its scores are looked for."""


class ScoresOf(nn.Module):
    """A module whose answer is one part of another module's answer.

    It shares the other's submodules, parameters, buffers and training flag, under their own names.
    """

    held: tuple[nn.Module]

    def __init__(self, module: nn.Module, keys: tuple[str, ...]) -> None:
        # In a tuple the module is no submodule, which would put its name before all others.
        object.__setattr__(self, "held", (module,))
        training = module.training
        super().__init__()
        module.training = training
        self.keys = keys
        for shared in ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"):
            object.__setattr__(self, shared, getattr(module, shared))

    @property
    def training(self) -> bool:
        """The other module's own flag."""
        return self.held[0].training

    @training.setter
    def training(self, value: bool) -> None:
        self.held[0].training = value

    def forward(self, image: Tensor) -> Any:
        """The part of the answer, (N, K)."""
        module = self.held[0]
        # A tracer knows no name for the module itself, so it is called around its hooks, if none.
        hooked = module._forward_hooks or module._forward_pre_hooks
        return part((module if hooked else module.forward)(image), self.keys)


def find_scores(answer: object, count: int) -> tuple[str, ...] | None:
    """Where the scores (count, K) are in an answer that is no tensor; None unless that is plain.

    They are the part called `logits`, else the only part that has their shape.
    """
    found = [keys for keys, each in _tensors(answer) if _is_scores(each, count)]
    named = [keys for keys in found if keys[-1] == LOGITS]
    chosen = named if len(named) == 1 else found
    return chosen[0] if len(chosen) == 1 else None


def told(answer: object, keys: tuple[str, ...]) -> str:
    """The note on where the scores were found."""
    return f"the model answers {outline(answer)}; its scores are read from {'.'.join(keys)!r}"


def _tensors(answer: object, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, each in parts(answer).items() if len(keys) < DEPTH else ():
        if isinstance(each, Tensor):
            yield (*keys, name), each
        else:
            yield from _tensors(each, (*keys, name))


def _is_scores(value: Tensor, count: int) -> bool:
    return value.is_floating_point() and value.dim() == 2 and len(value) == count
