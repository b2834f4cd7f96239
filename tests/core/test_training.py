"""The shared loop chooses a memory layout in which PyTorch can train the network."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from interp.training.loop import Run


def layout(network: nn.Module, device: str = "cpu") -> Any:
    task = SimpleNamespace(modules={"network": network})
    fabric = SimpleNamespace(device=torch.device(device))
    return Run(task, None, None, None, None, fabric)._layout  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("convolution", "device", "expected"),
    [
        (nn.Conv2d(6, 8, 3, 2), "cpu", torch.channels_last),
        (nn.Conv2d(6, 8, 1), "cpu", torch.channels_last),
        (nn.Conv2d(6, 8, 1, 2), "cpu", torch.contiguous_format),
        (nn.Conv2d(6, 8, 1, 2), "cuda", torch.channels_last),
    ],
)
def test_strided_1x1_convolutions_train_contiguous_on_a_cpu(
    convolution: nn.Module, device: str, expected: torch.memory_format
) -> None:
    assert layout(nn.Sequential(nn.Conv2d(3, 6, 3), convolution), device) == expected
