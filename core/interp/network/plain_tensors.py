"""PyTorch's global modes, which a program may have set for itself, put aside for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def plain_tensors() -> Iterator[None]:
    """Ordinary float32 tensors within the block: no inference mode, default type float32.

    Tensors made in inference mode cannot enter a gradient, and those made in float64 do not fit
    networks in float32. Whether gradients are recorded is left as it is.
    """
    import torch

    before, recorded = torch.get_default_dtype(), torch.is_grad_enabled()
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))  # which turns recording on
            stack.enter_context(torch.set_grad_enabled(recorded))
        if before != torch.float32:
            torch.set_default_dtype(torch.float32)
            stack.callback(torch.set_default_dtype, before)
        yield
