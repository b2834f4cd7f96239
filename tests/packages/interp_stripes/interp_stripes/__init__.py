"""A data set: grey images with one coloured bar, whose place is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interp.dataset import Dataset, Example, Instance

SIDE, WIDTH = 64, 12
COLOURS = {"red": (230, 60, 60), "green": (60, 230, 60), "blue": (60, 60, 230)}


@dataclass(frozen=True)
class Stripes(Dataset):
    """`count` images, the classes in turn; the same seed draws the same ones."""

    count: int
    seed: int
    classes = tuple(COLOURS)

    @property
    def fingerprint(self) -> str:
        """What tells these images from others."""
        return f"stripes {self.count} {self.seed}"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        random = np.random.default_rng((self.seed, index))
        label = index % len(COLOURS)
        image = np.full((SIDE, SIDE, 3), 128, np.uint8)
        x, y = (int(each) for each in random.integers(0, SIDE - WIDTH, 2))
        mask = np.zeros((SIDE, SIDE), bool)
        mask[y : y + WIDTH, x : x + WIDTH] = True
        image[mask] = list(COLOURS.values())[label]
        instance = Instance(label, (x, y, x + WIDTH, y + WIDTH), mask)
        return Example(f"bar-{index:04d}", image, label, (instance,))
