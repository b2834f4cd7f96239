"""Data sets that are drawn: noise whose class is a colour, and coloured squares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from interp.dataset import Dataset, Example, Instance, Part

CLASSES = ("blue", "green", "red")


@dataclass(frozen=True, eq=False)
class Drawn(Dataset):
    """`count` images, of each of the classes `names` in turn; `labels` may say otherwise."""

    count: int = 30
    names: tuple[str, ...] = CLASSES
    labels: tuple[int | None, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        return self.names

    @property
    def fingerprint(self) -> str:
        return f"{type(self).__name__} {self.count} {self.labels}"

    def __len__(self) -> int:
        return self.count

    def label(self, index: int) -> int | None:
        return self.labels[index] if self.labels else index % len(self.names)


class Colours(Drawn):
    """Noise, 12 x 12, with one channel brighter: the class."""

    def __getitem__(self, index: int) -> Example:
        image = np.random.default_rng(index).integers(0, 120, (12, 12, 3), np.uint8)
        image[..., 2 - index % 3] += 100
        return Example(f"c{index}", image, self.label(index))


class ColouredTops(Drawn):
    """Noise, 12 x 12, with one channel brighter in the upper half, a part called top: the class."""

    def __getitem__(self, index: int) -> Example:
        image = np.random.default_rng(index).integers(0, 120, (12, 12, 3), np.uint8)
        image[:6, :, 2 - index % 3] += 120
        mask = np.arange(12)[:, None].repeat(12, 1) < 6
        label = index % len(self.names)
        part = Part("top", (6.0, 3.0), mask)
        return Example(f"c{index}", image, label, (Instance(label, (0, 0, 12, 6), mask, (part,)),))


class Squares(Drawn):
    """A square of the class's colour on noise, 16 x 16: its left half, right half and corner."""

    def __init__(self, count: int = 40, labels: tuple[int | None, ...] = ()) -> None:
        super().__init__(count, labels=labels)

    def __getitem__(self, index: int) -> Example:
        random, right = np.random.default_rng(index), index % 3
        image = random.integers(0, 80, (16, 16, 3), np.uint8)
        top, left = (int(each) for each in random.integers(0, 8, 2))
        image[top : top + 8, left : left + 8, 2 - right] = 250
        halves = np.zeros((2, 16, 16), bool)
        halves[0, top : top + 8, left : left + 4] = True
        halves[1, top : top + 8, left + 4 : left + 8] = True
        parts = [
            Part(name, (left + x, top + 4.0), mask)
            for name, x, mask in zip(("left", "right"), (2.0, 6.0), halves, strict=True)
        ]
        if index % 4:
            parts.append(Part("corner", (float(left), float(top)), None))
        box = (float(left), float(top), left + 8.0, top + 8.0)
        instance = Instance(right, box, None, tuple(parts))
        return Example(f"s{index}", image, self.label(index), (instance,))


def write_images(examples: Iterable[Example], folder: Path, names: tuple[str, ...] = ()) -> None:
    """Save images as PNG files, in a folder for each class if the classes are named."""
    from PIL import Image

    for each in examples:
        place = folder / names[each.label] if names and each.label is not None else folder
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(each.image).save(place / f"{each.name}.png")
