"""The default segmentation network, for normalised input of (N, 3, 112, 112)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from interp_creatures.networks import Block

PARTS = ("background", "body", "head", "tail", "legs", "fin")
"""Its classes: what a pixel shows."""


class CreaturesSegmenter(nn.Module):
    """A U-Net of residual blocks: down to 7 x 7, and up again beside the maps on the way down.

    It answers the logits of each pixel, (N, 6, 112, 112).
    """

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 88)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.stem = Block(3, first, 2)
        self.stage1 = nn.Sequential(Block(first, second, 2), Block(second, second))
        self.stage2 = nn.Sequential(Block(second, third, 2), Block(third, third))
        self.stage3 = Block(third, fourth, 2)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.join2 = Block(fourth + third, third)
        self.join1 = Block(third + second, second)
        self.join0 = Block(second + first, first)
        self.pixels = nn.Sequential(
            nn.Conv2d(first + 3, first, 3, 1, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU()
        )
        self.classifier = nn.Conv2d(first, len(PARTS), 1)

    def forward(self, image: Tensor) -> Tensor:
        at56 = self.stem(image)  # (N, 16, 56, 56)
        at28 = self.stage1(at56)  # (N, 32, 28, 28)
        at14 = self.stage2(at28)  # (N, 64, 14, 14)
        hidden = self.up(self.stage3(at14))  # (N, 88, 14, 14)
        hidden = self.up(self.join2(torch.cat([hidden, at14], 1)))  # (N, 64, 28, 28)
        hidden = self.up(self.join1(torch.cat([hidden, at28], 1)))  # (N, 32, 56, 56)
        hidden = self.up(self.join0(torch.cat([hidden, at56], 1)))  # (N, 16, 112, 112)
        return self.classifier(self.pixels(torch.cat([hidden, image], 1)))


creatures_segmenter = CreaturesSegmenter
"""The name by which the cards of saved models call it."""
