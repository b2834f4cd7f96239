"""A data set: bright squares and discs on noise, whose place is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from interp.dataset import Dataset, Example, Instance

SIDE, RADIUS = 96, 12
"""Side of an image, and half a shape's width, in pixels."""


@dataclass(frozen=True)
class MyName(Dataset):
    """`count` images, each with one shape; the same seed draws the same ones."""

    count: int
    seed: int
    classes = ("square", "disc")

    @property
    def fingerprint(self) -> str:
        """What tells these images from others."""
        return f"my-name {self.count} {self.seed}"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        random = np.random.default_rng((self.seed, index))
        image = random.integers(60, 120, (SIDE, SIDE, 3)).astype(np.uint8)
        x, y = (int(each) for each in random.integers(RADIUS, SIDE - RADIUS, 2))
        label = index % 2
        down, across = np.mgrid[:SIDE, :SIDE] - np.array([y, x])[:, None, None]
        square = np.maximum(abs(down), abs(across)) <= RADIUS
        mask = np.hypot(down, across) <= RADIUS if label else square
        image[mask] = (235, 200, 60)
        box = (x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS)
        instance = Instance(label, box, mask)
        return Example(f"{self.classes[label]}-{index:04d}", image, label, (instance,))
