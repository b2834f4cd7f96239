"""PyTorch's global modes, which a program may have set for itself, put aside for a while."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def plain_tensors() -> Iterator[None]:
    """Ordinary tensors within the block: no inference mode; float32 on the CPU by default.

    Tensors made in inference mode cannot enter a gradient, and those made in float64 do not fit
    networks in float32. Whether gradients are recorded is left as it is. Without torch imported
    there is nothing to put aside.
    """
    if "torch" not in sys.modules:
        yield
        return
    import torch

    before, recorded = torch.get_default_dtype(), torch.is_grad_enabled()
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))  # which turns recording on
            stack.enter_context(torch.set_grad_enabled(recorded))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if before != torch.float32:
            torch.set_default_dtype(torch.float32)
            stack.callback(torch.set_default_dtype, before)
        yield
