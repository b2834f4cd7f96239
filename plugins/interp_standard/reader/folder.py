"""Folders of images: one folder per class, images alone, or COCO's annotations beside images/."""

from __future__ import annotations

from pathlib import Path

from interp.dataset import Dataset, open_dataset


def open_folder(path: Path) -> Dataset:
    """The images in a folder. Raises InputError for one that holds no image."""
    return open_dataset(path)
