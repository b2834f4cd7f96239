"""A reader of swatches: lines of a class and a colour, each an image of that colour."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from interp.dataset import Dataset, Example
from interp.errors import InputError

SIDE = 32


@dataclass(frozen=True)
class Swatches(Dataset):
    """Plain images, (class, (red, green, blue)) each."""

    colours: tuple[tuple[str, tuple[int, int, int]], ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in alphabetical order."""
        return tuple(sorted({name for name, _ in self.colours}))

    @property
    def fingerprint(self) -> str:
        """What tells these images from others."""
        return hashlib.sha256(repr(self.colours).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.colours)

    def __getitem__(self, index: int) -> Example:
        name, colour = self.colours[index]
        image = np.full((SIDE, SIDE, 3), colour, np.uint8)
        return Example(f"{name}-{index}", image, self.classes.index(name))


def open_swatches(path: Path) -> Swatches:
    """The swatches in a file. Raises InputError for a file that holds others."""
    found = []
    try:
        for line in path.read_text("utf-8").splitlines():
            name, red, green, blue = line.split()
            found.append((name, (int(red) % 256, int(green) % 256, int(blue) % 256)))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: found {error}; expected lines of a class and three whole numbers"
        ) from error
    if not found:
        raise InputError(f"{path}: found no line; expected a class and three whole numbers")
    return Swatches(tuple(found))
