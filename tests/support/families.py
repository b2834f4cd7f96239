"""A small network of each family that detects red: the answer is known, the layout is the family's.

All have a stem that gives each patch of 4 x 4 pixels its redness in channel 0, mix patches and
channels a little at random as the family does, and read channel 0 at the end.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from support.networks import seeded

WIDTH, PATCH, SIZE = 8, 4, 32
CELLS = (SIZE // PATCH) ** 2


class Stem(nn.Module):
    """Patches (N, WIDTH, 8, 8): channel 0 is positive on red alone, the others are random."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        with torch.no_grad():
            self.proj.weight[1:] *= 0.3
            red = torch.tensor([1.0, -0.5, -0.5]) / PATCH**2
            self.proj.weight[0] = red[:, None, None]
            self.proj.bias[0] = 0.0

    def forward(self, image: Tensor) -> Tensor:
        return self.proj(image).relu()


class Attention(nn.Module):
    """One head with queries and keys normed, as timm lays it out: k_norm gives (N, 1, T, d)."""

    def __init__(self, last: bool) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.k_norm = nn.LayerNorm(WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)
        with torch.no_grad():
            if last:  # every token attends to all alike, and takes their values as they are
                self.qkv.weight.zero_()
                self.qkv.weight[2 * WIDTH :] = torch.eye(WIDTH)
                self.proj.weight.copy_(torch.eye(WIDTH))
            else:
                self.proj.weight *= 0.02

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = self.qkv(tokens)[:, None].chunk(3, -1)
        return self.proj(
            functional.scaled_dot_product_attention(query, self.k_norm(key), value)[:, 0]
        )


class Block(nn.Module):
    """Attention and a linear layer, each beside the tokens."""

    def __init__(self, last: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.Identity() if last else nn.LayerNorm(WIDTH)
        self.inner = nn.Dropout()
        self.attn = Attention(last)
        self.mlp = nn.Linear(WIDTH, WIDTH)
        nn.init.normal_(self.mlp.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.inner(self.norm1(tokens)))
        return tokens + self.mlp(tokens)


class Transformer(nn.Module):
    """Tokens with `prefix` leading ones; read by the class token, or without one by the mean."""

    def __init__(self, prefix: int) -> None:
        super().__init__()
        self.prefix = prefix
        self.stem = Stem()
        self.token = nn.Parameter(torch.randn(1, prefix, WIDTH) * 0.01)
        self.position = nn.Parameter(torch.randn(1, CELLS + prefix, WIDTH) * 0.01)
        self.blocks = nn.Sequential(Block(), Block(last=True))
        self.head = Reader()

    def forward(self, image: Tensor) -> Tensor:
        patches = self.stem(image).flatten(2).mT
        tokens = torch.cat([self.token.expand(len(image), -1, -1), patches], 1) + self.position
        found = self.blocks(tokens)
        return self.head(found[:, 0] if self.prefix else found.mean(1))


class Reader(nn.Linear):
    """Two classes: red, and its opposite."""

    def __init__(self) -> None:
        super().__init__(WIDTH, 2)
        with torch.no_grad():
            self.weight *= 0.02
            self.weight[:, 0] = torch.tensor([8.0, -8.0])
            self.bias.zero_()


class ChannelsLast(nn.Module):
    """Maps (N, h, w, C) with a linear layer beside them, as in Swin and ConvNeXt."""

    def __init__(self, mix: bool) -> None:
        super().__init__()
        self.stem = Stem()
        self.mix = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH) if mix else nn.Identity()
        self.norm, self.mlp = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH)
        self.act = nn.ReLU()
        nn.init.normal_(self.mlp.weight, std=0.02)
        self.head = Reader()

    def forward(self, image: Tensor) -> Tensor:
        maps = self.stem(image)
        cells = maps.permute(0, 2, 3, 1)
        mixed = self.mlp(self.norm(self.mix(maps).permute(0, 2, 3, 1)))
        return self.head(self.act(cells + mixed).mean((1, 2)))


class Mixer(nn.Module):
    """Tokens mixed by a linear layer over the tokens, and one over the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.norm, self.tokens = nn.LayerNorm(WIDTH), nn.Linear(CELLS, CELLS)
        self.channels, self.act = nn.Linear(WIDTH, WIDTH), nn.ReLU()
        nn.init.normal_(self.tokens.weight, std=0.002)
        nn.init.normal_(self.channels.weight, std=0.02)
        self.head = Reader()

    def forward(self, image: Tensor) -> Tensor:
        tokens = self.stem(image).flatten(2).mT
        tokens = tokens + self.tokens(self.norm(tokens).mT).mT
        return self.head(self.act(tokens + self.channels(tokens)).mean(1))


class Convolutional(nn.Module):
    """Maps (N, C, h, w) with a convolution beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.act = Stem(), nn.ReLU()
        self.conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        nn.init.normal_(self.conv.weight, std=0.02)
        self.head = Reader()

    def forward(self, image: Tensor) -> Tensor:
        maps = self.stem(image)
        return self.head(self.act(maps + self.conv(maps)).mean((2, 3)))


def family(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """The same network each time, with no constants beside the image."""

    def built() -> nn.Module:
        module = seeded(build)
        for name, each in module.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(each)
        return module

    return built


FAMILIES = {
    "cnn": family(Convolutional),
    "class token": family(lambda: Transformer(1)),
    "registers": family(lambda: Transformer(5)),
    "mean of tokens": family(lambda: Transformer(0)),
    "channels last": family(lambda: ChannelsLast(mix=False)),
    "depthwise": family(lambda: ChannelsLast(mix=True)),
    "mixer": family(Mixer),
}
"""Name -> what builds the network."""
LAST = {
    "cnn": ("act", "NCHW", 0),
    "class token": ("blocks.1.inner", "tokens", 1),
    "registers": ("blocks.1.inner", "tokens", 5),
    "mean of tokens": ("blocks", "tokens", 0),
    "channels last": ("act", "NHWC", 0),
    "depthwise": ("act", "NHWC", 0),
    "mixer": ("act", "tokens", 0),
}
"""Name -> the last map that the answer depends on, its layout and leading tokens."""
