"""PyTorch's modes, which a program may have set for itself, put aside for a while."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from interp.errors import InputError

DEVICES = ("cpu", "cuda", "xpu")
"""Kinds of devices that a program may have turned autocast on for."""


@contextmanager
def plain_tensors(recorded: bool | None = None) -> Iterator[None]:
    """Ordinary tensors within the block: no inference mode, no autocast; float32 on the CPU.

    Tensors made in inference mode cannot enter a gradient, and those made in float64 do not fit
    networks in float32. `recorded` says whether gradients are recorded; by default that is left
    as it is. Without torch imported there is nothing to put aside. Raises InputError where the
    caller is being traced, so that its tensors hold no values.
    """
    if "torch" not in sys.modules:
        yield
        return
    import torch

    _check_values()
    before = torch.is_grad_enabled()
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))  # which turns recording on
        stack.enter_context(torch.set_grad_enabled(before if recorded is None else recorded))
        for kind in filter(torch.is_autocast_enabled, DEVICES):
            stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.empty(0).device.type != "cpu":  # get_default_device fails in older versions
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(_float32.held())
        yield


@dataclass
class _DefaultType:
    """float32 as the process's default type, held by `count` blocks of any threads."""

    before: Any = None
    count: int = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """float32 within the block; the last block to be left restores the program's own type."""
        import torch

        with _LOCK:
            other = bool(self.count) or torch.get_default_dtype() != torch.float32
            if other and not self.count:
                self.before = torch.get_default_dtype()
                torch.set_default_dtype(torch.float32)
            self.count += other
        try:
            yield
        finally:
            with _LOCK:
                self.count -= other
                if other and not self.count:
                    torch.set_default_dtype(self.before)


_float32 = _DefaultType()
_LOCK = Lock()


def _check_values() -> None:
    """Raise InputError where PyTorch traces the caller: its tensors stand for values only."""
    import torch
    from torch.utils import _python_dispatch as dispatch

    modes = {type(each).__name__ for each in dispatch._get_current_dispatch_mode_stack()}
    tracing = {
        "torch.jit.trace": torch.jit.is_tracing(),
        "torch.compile": _compiled(),
        "a transform of torch.func": torch._C._functorch.peek_interpreter_stack() is not None,
        "FakeTensorMode": "FakeTensorMode" in modes,
        "make_fx": "ProxyTorchDispatchMode" in modes,
    }
    for name in (name for name, active in tracing.items() if active):
        raise InputError(
            f"found a call inside {name}, where tensors stand for values that are not there yet; "
            "call interp outside of it"
        )


def _compiled() -> bool:
    """Whether torch.compile watches the frames of this thread."""
    if "torch._dynamo" not in sys.modules:
        return False
    from torch._C._dynamo import eval_frame

    return getattr(eval_frame, "get_eval_frame_callback", bool)() not in (None, False)
