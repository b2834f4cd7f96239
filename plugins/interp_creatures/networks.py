"""The two default networks, for normalised input of (N, 3, 112, 112)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from interp_creatures.species import CLASSES

SIZE = 112
MEAN = (0.48, 0.48, 0.48)
STD = (0.25, 0.25, 0.25)


class CreaturesVGG(nn.Module):
    """Three conv stages, the last at 14 x 14, pooling, two hidden fully connected layers."""

    def __init__(self, widths: tuple[int, int, int] = (24, 48, 96), hidden: int = 128) -> None:
        super().__init__()
        first, second, third = widths
        self.stage1 = nn.Sequential(_conv(3, first, 5, 2), _conv(first, first))
        self.pool1 = nn.MaxPool2d(2)
        self.stage2 = nn.Sequential(_conv(first, second), _conv(second, second))
        self.pool2 = nn.MaxPool2d(2)
        self.stage3 = nn.Sequential(_conv(second, third), _conv(third, third), _conv(third, third))
        self.pool3 = nn.MaxPool2d(7)
        self.fc1 = nn.Linear(third * 2 * 2, hidden)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(hidden, hidden)
        self.relu2 = nn.ReLU()
        self.classifier = nn.Linear(hidden, len(CLASSES))

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.pool1(self.stage1(image))  # (N, 24, 28, 28)
        hidden = self.pool2(self.stage2(hidden))  # (N, 48, 14, 14)
        hidden = self.pool3(self.stage3(hidden))  # (N, 96, 2, 2)
        hidden = self.relu1(self.fc1(torch.flatten(hidden, 1)))
        return self.classifier(self.relu2(self.fc2(hidden)))


class CreaturesResNet(nn.Module):
    """A strided stem, three residual stages down to 14 x 14, global average pool, linear."""

    def __init__(self, widths: tuple[int, int, int] = (24, 48, 96)) -> None:
        super().__init__()
        first, second, third = widths
        self.stem = _conv(3, 24, 5, 2)
        self.stage1 = nn.Sequential(Block(24, first, 2), Block(first, first))
        self.stage2 = nn.Sequential(Block(first, second, 2), Block(second, second))
        self.stage3 = nn.Sequential(Block(second, third), Block(third, third))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(third, len(CLASSES))

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.stage2(self.stage1(self.stem(image)))  # (N, 48, 14, 14)
        hidden = self.pool(self.stage3(hidden))  # (N, 96, 1, 1)
        return self.classifier(torch.flatten(hidden, 1))


class Block(nn.Module):
    """Two convolutions beside an identity, or beside a 1 x 1 projection where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.skip = nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, hidden: Tensor) -> Tensor:
        residual = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(hidden)))))
        return self.relu2(residual + self.skip(hidden))


def _conv(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


creatures_vgg, creatures_resnet = CreaturesVGG, CreaturesResNet
"""The names by which the cards of saved models call them."""
