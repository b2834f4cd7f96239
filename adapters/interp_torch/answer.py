"""A module that answers with one part of another module's answer."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from interp.network.outputs import part


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
