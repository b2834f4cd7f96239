"""The two shipped sample images: one creature, and two of different classes."""

from __future__ import annotations

from pathlib import Path

import cv2

from interp_creatures.dataset import Creatures

SAMPLES = {"sample": (2, 48, False), "two": (2, 25, True)}
"""file name -> (seed, index, two creatures)."""


def write_samples(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, index, two) in SAMPLES.items():
        image = Creatures(index + 1, seed, two)[index].image
        cv2.imwrite(str(folder / f"{name}.png"), image[..., ::-1])
