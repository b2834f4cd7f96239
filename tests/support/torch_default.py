"""The default device of torch, left as it was found."""

from __future__ import annotations

import torch


def set_default_device(device: str | None) -> None:
    """As torch's own; for None, torch 2.9 would leave a context that it cannot read itself."""
    torch.set_default_device(device)
    context = torch._GLOBAL_DEVICE_CONTEXT
    if device is None and getattr(context, "device_context", context) is None:
        del context.device_context
