"""A reader of glyphs: pictures drawn with letters in a text file, each under its class."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from interp.dataset import Dataset, Example
from interp.errors import InputError

SIDE = 8
"""Width and height of a letter's square, in pixels."""


@dataclass(frozen=True)
class MyName(Dataset):
    """The glyphs of a file, `(class, rows)` each: `#` is bright, a full stop is dark."""

    glyphs: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in alphabetical order."""
        return tuple(sorted({name for name, _ in self.glyphs}))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed in reading the file."""
        return (f"each letter was drawn as a square of {SIDE} x {SIDE} pixels",)

    @property
    def fingerprint(self) -> str:
        """What tells these images from others; cheap, as no image is drawn."""
        return hashlib.sha256(repr(self.glyphs).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.glyphs)

    def __getitem__(self, index: int) -> Example:
        name, rows = self.glyphs[index]
        bright = np.array([[letter == "#" for letter in row] for row in rows])
        squares = bright.repeat(SIDE, 0).repeat(SIDE, 1)
        image = np.where(squares[..., None], 230, 60).astype(np.uint8).repeat(3, 2)
        return Example(f"{name}-{index:04d}", image, self.classes.index(name))


def open_my_name(path: Path) -> MyName:
    """The glyphs in a file. Raises InputError for a file that holds none."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error}); check the path") from error
    glyphs = []
    for block in text.strip().split("\n\n"):
        name, *rows = block.splitlines() or [""]
        if not rows or len(set(map(len, rows))) != 1 or set("".join(rows)) - set("#."):
            raise InputError(
                f"{path}: found {name[:40]!r} without a picture; expected a name and equal rows of "
                "# and . below it, and an empty line between two"
            )
        glyphs.append((name, tuple(rows)))
    return MyName(tuple(glyphs))
