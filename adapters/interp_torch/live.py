"""Modules as a program holds them: wrappers taken off, types and training flags set on a copy."""

from __future__ import annotations

import copy

import torch
from torch import nn

from interp.errors import ModelError, first_line

WRAPPED = {
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "AveragedModel": "module",
    "OptimizedModule": "_orig_mod",
    "_FabricModule": "_original_module",
}
"""Class of a wrapper -> the attribute that holds the module inside."""


def unwrap(module: nn.Module) -> tuple[nn.Module, tuple[str, ...]]:
    """The module inside DataParallel, torch.compile and the like, and a note that says so."""
    names = []
    while (inner := _inside(module)) is not None:
        names.append(type(module).__name__)
        module = inner
    kind = type(module).__name__
    return module, tuple(
        [f"{kind} is explained without its {' and '.join(names)}"] if names else ()
    )


def _inside(module: nn.Module) -> nn.Module | None:
    inner = getattr(module, WRAPPED.get(type(module).__name__, ""), None)
    return inner if isinstance(inner, nn.Module) else None


def compiled(module: nn.Module) -> bool:
    """Whether a part was compiled, whose layers are seen only if it is run without."""
    return any(
        type(each).__name__ == "OptimizedModule" or getattr(each, "_compiled_call_impl", None)
        for each in module.modules()
    )


def must_change(module: nn.Module, device: torch.device) -> bool:
    """Whether a module cannot be run on `device` in float32 and evaluation mode as it is."""
    tensors = [*module.parameters(), *module.buffers()]
    moved = any(each.device != device for each in tensors)
    typed = any(each.is_floating_point() and each.dtype != torch.float32 for each in tensors)
    return moved or typed or any(each.is_inference() for each in tensors) or _own_training(module)


def change(module: nn.Module, device: torch.device) -> None:
    """Move a module to the device, in float32 and evaluation mode."""
    module.to(device, torch.float32)
    module.eval()


def duplicate(module: nn.Module) -> nn.Module:
    """A copy of the user's module. Raises ModelError where Python cannot copy it."""
    try:
        return copy.deepcopy(module)
    except Exception as error:  # the module's own code, or tensors with a history
        raise ModelError(
            f"{type(module).__name__} must be copied, since it is not on this device, in float32 "
            f"and in evaluation mode, and cannot be ({first_line(error)}); give it as "
            "model.float().eval()"
        ) from error


def _own_training(module: nn.Module) -> bool:
    """Whether a part in training mode does more in train() than setting its flag."""
    return any(each.training and _overrides(each) for each in module.modules())


def _overrides(module: nn.Module) -> bool:
    own = type(module).train is not nn.Module.train or type(module).eval is not nn.Module.eval
    return own and not isinstance(module, torch.jit.ScriptModule)
