"""Running a module without changing it: evaluation mode, forward hooks, attributes restored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass
from operator import is_not
from threading import Lock, get_ident
from typing import Any

import torch
from torch import Tensor, nn

OutputHook = Callable[[str, nn.Module, object], object | None]
"""hook(name, module, output): what replaces the output, or None to keep it."""


@dataclass
class _Held:
    """A module in training mode that `count` blocks hold in evaluation mode."""

    module: nn.Module
    count: int = 0


_held: dict[int, _Held] = {}
"""The modules held in evaluation mode by any thread, by id."""
_LOCK = Lock()


def as_its_class(module: nn.Module) -> bool:
    """Whether its class alone says what a module computes: no hook, no `forward` of its own."""
    own = vars(module)
    return not (own.get("_forward_hooks") or own.get("_forward_pre_hooks") or "forward" in own)


@contextmanager
def eval_mode(module: nn.Module, parts: Iterable[nn.Module] | None = None) -> Iterator[None]:
    """Evaluation mode for every submodule, each one's own training flag restored afterwards.

    Several threads may hold one module: the last to leave restores it. `parts` are the module's
    modules(), where the caller has listed them: listing takes a while.
    """
    with _LOCK:
        held = [
            _held.setdefault(id(each), _Held(each))
            for each in parts or module.modules()
            if id(each) in _held or getattr(each, "training", False)
        ]
        for each in held:
            each.count += 1
            each.module.training = False
    try:
        yield
    finally:
        with _LOCK:
            for each in held:
                each.count -= 1
                if not each.count:
                    each.module.training = True
                    del _held[id(each.module)]


@contextmanager
def restore_attributes(module: nn.Module) -> Iterator[None]:
    """Restore every submodule's attributes afterwards: a tracer may leave its proxies in them.

    Buffers, and the items of other dictionaries and lists, are restored too. Only what has changed
    is touched, since another thread may be running the module.
    """
    before = []
    for each in module.modules():
        attributes = vars(each)
        held = [value for value in attributes.values() if isinstance(value, (dict, list))]
        before += [(value, copy(value)) for value in (attributes, *held)]
    try:
        yield
    finally:
        for value, content in before:
            _restore_items(value, content)


def _restore_items(value: Any, content: Any) -> None:
    """Give a dictionary or list its earlier items again, unless it still has just these."""
    if isinstance(value, list):
        if len(value) != len(content) or any(map(is_not, value, content)):
            value[:] = content
        return
    for key in value.keys() - content.keys():
        del value[key]
    for key, item in content.items():
        if value.get(key) is not item or key not in value:
            value[key] = item


@contextmanager
def output_hooks(modules: dict[str, nn.Module], hook: OutputHook) -> Iterator[None]:
    """Call `hook` with each named module's output; the hooks are removed afterwards.

    Only in this thread: others may run the module meanwhile. Scripted modules, which take no hooks,
    and modules that are called within torch.vmap, image by image, are not heard.
    """
    own = get_ident()

    def heard(name: str, each: nn.Module, output: object) -> object | None:
        alone = get_ident() != own or torch._C._functorch.peek_interpreter_stack() is not None
        return None if alone else hook(name, each, output)

    hooked = {
        n: m for n, m in modules.items() if not isinstance(m, torch.jit.RecursiveScriptModule)
    }
    with ExitStack() as stack:
        for name, module in hooked.items():
            handle = module.register_forward_hook(
                lambda each, _, output, name=name: heard(name, each, output)
            )
            stack.callback(handle.remove)
        yield


def capture(module: nn.Module, inputs: Tensor, names: list[str]) -> dict[str, Tensor]:
    """Outputs of the named modules in one pass, copied before in-place operations alter them."""
    found: dict[str, Tensor] = {}

    def copy(name: str, _: nn.Module, output: object) -> None:
        if isinstance(output, Tensor):
            found[name] = output.clone()

    with output_hooks({name: module.get_submodule(name) for name in names}, copy):
        module(inputs)
    return found


def substitute(module: nn.Module, inputs: Tensor, name: str, activation: Tensor) -> Tensor:
    """The module's output for `inputs` with one submodule's output replaced by `activation`."""
    with output_hooks({name: module.get_submodule(name)}, lambda *_: activation.clone()):
        return module(inputs)
