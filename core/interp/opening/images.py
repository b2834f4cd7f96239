"""The images of a job, wherever they come from, read one at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.dataset import Dataset, Example, ImageFiles, open_dataset
from interp.errors import InputError
from interp.opening.named import image_path
from interp.storage.image import check_array

if TYPE_CHECKING:
    from interp.registry import Registry


@dataclass(frozen=True, eq=False)
class Arrays(Dataset):
    """Images (H, W, 3) uint8 that are in memory."""

    images: Sequence[np.ndarray]
    names: Sequence[str]

    @property
    def classes(self) -> tuple[str, ...]:
        return ()

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(b"".join(each.tobytes() for each in self.images)).hexdigest()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Example:
        return Example(self.names[index], check_array(self.images[index]), None)


def gather(
    registry: Registry,
    names: Sequence[str],
    data: str | None,
    images: Sequence[np.ndarray] | None = None,
) -> Dataset:
    """The images given, else the folder's, else the files and samples named.

    What is named one by one is read once, so that a slip is told before any work.
    """
    if images is not None:
        listed = list(names) if len(names) == len(images) else _numbered(len(images))
        dataset: Dataset = Arrays(images, listed)
    elif data is not None:
        return open_dataset(data)
    else:
        dataset = ImageFiles(tuple(image_path(registry, each) for each in names), tuple(names))
    if not len(dataset):
        raise InputError("no image given; name one with --image, or a folder with --data")
    for _ in dataset:
        pass
    return dataset


def _numbered(count: int) -> list[str]:
    return [f"image {index}" for index in range(count)]
