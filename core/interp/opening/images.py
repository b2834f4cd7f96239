"""The images and data sets that a request names, or that a caller gives, opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interp.dataset import Dataset, ImageArrays, ImageFiles
from interp.errors import InputError, PluginError, blamed
from interp.opening.reader import read_data
from interp.registry import Registry

COUNT = 1000
"""How many images of a registered data set are used where no number is given."""


def image_path(registry: Registry, name: str) -> Path:
    """The file called `name`, else the file of the registered sample of that name."""
    samples = {entry.name for entry in registry.entries("sample")}
    known = name in samples and not Path(name).exists()
    return Path(registry.get("sample", name)) if known else Path(name)


def named_images(
    registry: Registry, names: Sequence[str], images: Sequence[Any] | None = None
) -> Dataset:
    """The images that are given, as read_image takes them, else the files and samples named.

    Given images without a name each are "image 0", "image 1" and so on.
    """
    if images is not None:
        listed = names if len(names) == len(images) else [f"image {n}" for n in range(len(images))]
        return ImageArrays(images, listed)
    return ImageFiles(tuple(image_path(registry, each) for each in names), tuple(names))


def open_images(
    registry: Registry,
    names: Sequence[str],
    data: str | None,
    images: Sequence[Any] | None = None,
) -> Dataset:
    """The images that are given, else those at the path `data`, else those that are named.

    Raises InputError where there is none; images given or named are all read once, so that one that
    cannot be read is refused before any work.
    """
    if images is None and data is not None:
        return read_data(registry, data)
    dataset = named_images(registry, names, images)
    if not len(dataset):
        raise InputError("no image given; name one with --image, or a folder with --data")
    for _ in dataset:
        pass
    return dataset


def open_data(
    registry: Registry, data: str | None, count: int | None = None, seed: int = 0
) -> Dataset:
    """The images at a path, or `count` images (by default COUNT) of a registered data set.

    A path hides the registered data set of the same name. Raises InputError for neither.
    """
    if data is None:
        raise InputError("fit needs data; name a path of images or a data set with --data")
    registered = {entry.name for entry in registry.entries("dataset")}
    if data in registered and not Path(data).exists():
        with blamed(data):
            made = registry.get("dataset", data)(count or COUNT, seed)
        if not isinstance(made, Dataset):
            raise PluginError(
                f"dataset {data} made {type(made).__name__}; expected an interp.dataset.Dataset"
            )
        return made
    return read_data(registry, data)
