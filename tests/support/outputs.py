"""Small networks that answer maps or embeddings, with answers that are known by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE, CELLS = 32, 8
PART = (slice(5, 7), slice(1, 3))
"""The cells of the one part, near the lower left corner, that the planted class depends on."""
COLOURS = ((1.0, -0.5, -0.5), (-0.5, 1.0, -0.5), (-0.5, -0.5, 1.0))


class Colours(nn.Module):
    """How red, green and blue each patch of 4 x 4 pixels is, (N, 3, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 4, 4, bias=False)
        self.act = nn.ReLU()
        with torch.no_grad():
            weight = torch.tensor(COLOURS)[:, :, None, None] / 16
            self.conv.weight.copy_(weight.expand(-1, -1, 4, 4))

    def forward(self, image: Tensor) -> Tensor:
        return self.act(self.conv(image))


class PartSegmenter(nn.Module):
    """Logits (N, 3, 16, 16) of "ground", "leaf" and "sky".

    Leaf is found on the right half, by how red the one part near the lower left corner is; sky is
    found where the image is blue. Ground is 0 everywhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.colours = Colours()
        part = torch.zeros(CELLS, CELLS)
        part[PART] = 1 / part[PART].numel()
        half = (torch.arange(2 * CELLS) >= CELLS).float().expand(2 * CELLS, -1)
        self.register_buffer("place", part)
        self.register_buffer("right", half.clone())

    def forward(self, image: Tensor) -> Tensor:
        maps = self.colours(image)
        red = (maps[:, 0] * self.place).sum((1, 2))
        leaf = (6 * red - 2)[:, None, None] * self.right - 4 * (1 - self.right)
        sky = functional.interpolate(8 * maps[:, 2:] - 3, scale_factor=2.0)[:, 0]
        return torch.stack([torch.zeros_like(leaf), leaf, sky], 1)


class Named(nn.Module):
    """The segmentation as torchvision answers it: in a dictionary, beside an auxiliary one."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = PartSegmenter()

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        found = self.inner(image)
        return {"out": found, "aux": -found}


class Last(nn.Module):
    """The segmentation with the classes last, (N, 16, 16, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = PartSegmenter()

    def forward(self, image: Tensor) -> Tensor:
        return self.inner(image).permute(0, 2, 3, 1)


class OneMask(nn.Module):
    """The leaf alone, (N, 1, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = PartSegmenter()

    def forward(self, image: Tensor) -> Tensor:
        return self.inner(image)[:, 1:2]


class Embedding(nn.Module):
    """How red, green and blue an image is, (N, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.colours = Colours()

    def forward(self, image: Tensor) -> Tensor:
        return self.colours(image).mean((2, 3))
