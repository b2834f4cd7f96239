"""The networks that come with the package, for normalised input of (N, 3, 112, 112)."""

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


class CreaturesViT(nn.Module):
    """A convolutional stem to 14 x 14 tokens, a class token, transformer blocks, linear.

    The stem is creatures-resnet's as far as its second stage; its weights are the same.
    """

    def __init__(self, width: int = 96, depth: int = 4, heads: int = 3) -> None:
        super().__init__()
        self.stem = _conv(3, 24, 5, 2)
        self.stage1 = nn.Sequential(Block(24, 24, 2), Block(24, 24))
        self.stage2 = nn.Sequential(Block(24, 48, 2), Block(48, 48))
        self.projection = nn.Conv2d(48, width, 1)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, 1 + (SIZE // 8) ** 2, width))
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, len(CLASSES))

    def forward(self, image: Tensor) -> Tensor:
        maps = self.projection(self.stage2(self.stage1(self.stem(image))))
        cells = maps.flatten(2).transpose(1, 2)  # (N, 196, 96)
        first = self.class_token.expand(cells.shape[0], -1, -1)
        tokens = self.blocks(torch.cat([first, cells], 1) + self.position)  # (N, 197, 96)
        return self.classifier(self.norm(tokens[:, 0]))


class TransformerBlock(nn.Module):
    """Attention, then two linear layers for each token; each normalised before and added."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class Attention(nn.Module):
    """Self-attention of several heads: every token takes up values of the tokens like its query."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        split = self.qkv(tokens).unflatten(2, (3, self.heads, -1))  # (N, 197, 3, heads, 32)
        query, key, value = split.permute(2, 0, 3, 1, 4).contiguous().unbind(0)
        scores = query * self.scale @ key.transpose(-2, -1)  # (N, heads, 197, 197)
        weights = scores.softmax(-1).to(value.dtype)
        mixed = weights @ value
        return self.projection(mixed.transpose(1, 2).flatten(2))


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


creatures_vgg, creatures_resnet, creatures_vit = CreaturesVGG, CreaturesResNet, CreaturesViT
"""The names by which the cards of saved models call them."""
