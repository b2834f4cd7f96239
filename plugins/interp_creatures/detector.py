"""The default detector, for normalised input of (N, 3, 112, 112): one box for each grid cell."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from interp_creatures.networks import SIZE, CreaturesResNet
from interp_creatures.species import CLASSES

STRIDE = 8  # pixels of a cell
GRID = SIZE // STRIDE
UNIT = 32.0  # pixels; what a side's logarithm is counted from


class CreaturesDetector(nn.Module):
    """creatures-resnet's stem and stages, three convolutions, and one anchor-free box a cell.

    It answers (N, 196, 15), a row for each cell of the 14 x 14 grid, laid out as YOLOv5 does:
    the box's centre x, centre y, width and height in pixels, the probability that an object is
    there, and the ten classes' probabilities.
    """

    centres: Tensor
    """The (x, y) of each cell's middle in pixels, (196, 2)."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        backbone = CreaturesResNet()
        self.stem, self.stage1 = backbone.stem, backbone.stage1
        self.stage2, self.stage3 = backbone.stage2, backbone.stage3
        self.neck = nn.Sequential(
            _conv(96, hidden, 1), _conv(hidden, hidden, 3, 2), _conv(hidden, hidden, 3, 1)
        )
        self.head = nn.Conv2d(hidden, 5 + len(CLASSES), 1)
        nn.init.constant_(self.head.get_parameter("bias")[4:5], -3.0)  # few cells hold an object
        self.register_buffer("centres", cell_centres(), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        raw = self.grid(image)  # (N, 196, 15)
        boxes = self.boxes(raw)
        return torch.cat([boxes, raw[..., 4:5].sigmoid(), raw[..., 5:].softmax(2)], 2)

    def grid(self, image: Tensor) -> Tensor:
        """What the last convolution answers, (N, 196, 15): offsets, log sides and logits."""
        hidden = self.stage3(self.stage2(self.stage1(self.stem(image))))  # (N, 96, 14, 14)
        return self.head(self.neck(hidden)).flatten(2).transpose(1, 2)

    def boxes(self, raw: Tensor) -> Tensor:
        """Centre x, centre y, width and height in pixels, (N, 196, 4)."""
        centres = self.centres + raw[..., :2] * STRIDE
        return torch.cat([centres, raw[..., 2:4].clamp(-3, 3).exp() * UNIT], 2)


def cell_centres() -> Tensor:
    """The (x, y) of each cell's middle in pixels, (196, 2), row by row."""
    middle = (torch.arange(GRID) + 0.5) * STRIDE
    y, x = torch.meshgrid(middle, middle, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)


def _conv(inputs: int, outputs: int, size: int, dilation: int = 1) -> nn.Sequential:
    padding = size // 2 * dilation
    convolution = nn.Conv2d(inputs, outputs, size, 1, padding, dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


creatures_detector = CreaturesDetector
"""The name by which the card of a saved model calls it."""
