"""To a device without waiting for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch


def send(values: np.ndarray | torch.Tensor, device: torch.device) -> torch.Tensor:
    """The values on a device. What the device does meanwhile goes on: an ordinary copy would wait
    for it, which in a training step is longer than the step.
    """
    import torch

    found = torch.as_tensor(values)
    if device.type == "cuda" and found.device.type == "cpu":
        return found.pin_memory().to(device, non_blocking=True)
    return found.to(device)
