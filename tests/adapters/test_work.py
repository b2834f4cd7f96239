"""Floating-point operations against torch.utils.flop_counter's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from interp_torch.tracker import Tracker


class Attention(nn.Module):
    """Fused attention, with wider values than keys."""

    def forward(self, image: Tensor) -> Tensor:
        tokens = image.flatten(2).transpose(1, 2)[:, None, :9]
        return nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)


PARTS: dict[str, nn.Module] = {
    "convolution": nn.Conv2d(6, 4, 3, 2, 1),
    "grouped": nn.Conv2d(6, 12, (3, 5), groups=3, bias=False),
    "transposed": nn.ConvTranspose2d(6, 4, 3, 2),
    "transposed and grouped": nn.ConvTranspose2d(6, 4, 3, 2, groups=2),
    "linear": nn.Linear(8, 5),
    "linear without bias": nn.Linear(8, 5, bias=False),
    "attention": Attention(),
    "attention of a layer": nn.Sequential(
        nn.Flatten(2), nn.TransformerEncoderLayer(64, 2, 8, batch_first=True)
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_as_torch_counts_them(name: str) -> None:
    part, images = PARTS[name].train(), torch.rand(2, 6, 8, 8)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        part(images)
    tracker = Tracker(images)
    with torch.no_grad(), tracker:
        part(images)
    assert tracker.work == counter.get_total_flops() > 0
