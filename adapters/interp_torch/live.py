"""Modules as a program holds them: wrappers taken off, types and training flags set on a copy."""

from __future__ import annotations

import copy
from contextlib import suppress

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

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


def quantised(module: nn.Module) -> bool:
    """Whether a part computes in 8 bits, on tensors that are no ordinary ones."""
    kinds = {type(each) for each in module.modules()}
    return any(
        each.__module__.startswith("torch.")
        and "quantized" in each.__module__
        and "dynamic" not in each.__module__
        and not each.__name__.endswith("PackedParams")  # the weights of dynamic layers, too
        for each in kinds
    )


def check_filled(module: nn.Module, name: str) -> None:
    """Raise ModelError where weights of the module hold no values yet."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for key, each in tensors.items():
        if is_lazy(each):
            raise ModelError(
                f"{key} of {name} is not initialised (a lazy module); run it on an image first"
            )
        if each.is_meta:
            raise ModelError(
                f"{key} of {name} is on the meta device, which holds no values; load its weights "
                "first"
            )


def compiled(module: nn.Module) -> bool:
    """Whether the module or a part of it was compiled, so that its layers are not seen."""
    return any(
        type(each).__name__ == "OptimizedModule"
        or getattr(each, "_compiled_call_impl", None)
        or _compiled_forward(each)
        for each in module.modules()
    )


def _compiled_forward(module: nn.Module) -> bool:
    """Whether `module.forward` was replaced by torch.compile(module.forward)."""
    own = getattr(vars(module).get("forward"), "_torchdynamo_orig_callable", None)
    return own is not None and getattr(own, "__func__", None) is type(module).forward


def uncompile(module: nn.Module) -> None:
    """Let compiled parts run as they were written, under their own names."""
    for each in list(module.modules()):
        each._compiled_call_impl = None
        if _compiled_forward(each):
            del each.forward  # the class's own, which was compiled
        for name, part in each.named_children():
            if type(part).__name__ == "OptimizedModule":
                setattr(each, name, _inside(part))


def why_changed(module: nn.Module, device: torch.device) -> list[str]:
    """Why a module cannot be run on `device` in float32 and evaluation mode as it is, in words."""
    tensors = [*module.parameters(), *module.buffers()]
    types = {each.dtype for each in tensors if each.is_floating_point()} - {torch.float32}
    found = [f"in {str(each).removeprefix('torch.')}" for each in sorted(types, key=str)]
    if any(each.device != device for each in tensors):
        found.append(f"not on {device}")
    if any(each.is_inference() for each in tensors):
        found.append("made in inference mode")
    if compiled(module):
        found.append("compiled")
    if any(each.training and _overrides(each) for each in module.modules()):
        found.append("training, with a train() of its own")
    return found


def change(module: nn.Module, device: torch.device) -> None:
    """Move a module to the device, in float32 and evaluation mode, not compiled."""
    if compiled(module):
        uncompile(module)
    module.to(device, torch.float32)
    with suppress(NotImplementedError):  # an exported program has one mode only
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


def twin(module: nn.Module) -> nn.Module:
    """A copy with hooks, flags and attributes of its own, and the same tensors.

    Raises ModelError where Python cannot copy it.
    """
    held = (vars(each) for each in module.modules())
    groups = [
        group
        for each in held
        for group in (each, each.get("_parameters", {}), each.get("_buffers", {}))
    ]
    tensors = [value for group in groups for value in group.values() if isinstance(value, Tensor)]
    try:
        with torch.no_grad():
            return copy.deepcopy(module, {id(each): each for each in tensors})
    except Exception as error:  # the module's own code
        raise ModelError(
            f"{type(module).__name__} cannot be copied ({first_line(error)})"
        ) from error


def evaluated_twin(module: nn.Module) -> nn.Module:
    """A twin in evaluation mode, whatever a train() of the module's own would do."""
    found = twin(module)
    for each in found.modules():
        if each.training:
            each.training = False
    return found


def _overrides(module: nn.Module) -> bool:
    own = type(module).train is not nn.Module.train or type(module).eval is not nn.Module.eval
    return own and not isinstance(module, torch.jit.ScriptModule)
