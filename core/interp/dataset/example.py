"""What a data set is: examples, which are images and what is known of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar

import numpy as np

from interp.errors import InputError, PluginError, blamed
from interp.short import fields_repr, short
from interp.storage.image import LoadedImage

Box = tuple[float, float, float, float]
"""(left, top, right, bottom) in pixels."""


@dataclass(frozen=True, eq=False, repr=False)
class Part:
    """A named part of an object, such as a head."""

    name: str
    centre: tuple[float, float]
    """(x, y) in pixels."""
    mask: np.ndarray | None
    """(H, W) bool, where it is known."""
    defining: bool = False
    """Whether this part tells the object's class from others."""

    def __repr__(self) -> str:
        return fields_repr(self)


@dataclass(frozen=True, eq=False, repr=False)
class Instance:
    """An object in an image: its class, and where it lies."""

    label: int
    """Index among the data set's classes."""
    box: Box
    mask: np.ndarray | None
    """(H, W) bool, where it is known."""
    parts: tuple[Part, ...] = ()

    def __repr__(self) -> str:
        return fields_repr(self)


@dataclass(frozen=True, eq=False, repr=False)
class Example:
    """An image and what is known of it."""

    name: str
    image: np.ndarray
    """(H, W, 3) uint8 RGB, or (H, W, C) float32 in [0, 1] for a model of other channels."""
    label: int | None
    """Index among the data set's classes; None where the class is not known."""
    instances: tuple[Instance, ...] = ()
    notes: tuple[str, ...] = ()
    """What was assumed or left out in reading the image, one sentence each."""
    whole: LoadedImage | None = None
    """All channels of an image of more than three, of which `image` shows a part."""
    file: str = ""
    """The image file from which read_image reads it again; empty where there is none."""

    @property
    def source(self) -> str:
        """What a request names it by: its file, else its name."""
        return self.file or self.name

    def __repr__(self) -> str:
        return fields_repr(self)


class Dataset(ABC):
    """A finite sequence of examples over named classes.

    An image is read when its example is; InputError is raised where that fails.
    """

    sent: ClassVar[bool] = False
    """Whether workers are sent the data set, as it is opened: to open it again takes long."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; empty where no class is known."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of names and annotation, cheap: no image is read."""

    @property
    def image_fingerprints(self) -> tuple[str, ...]:
        """One of each image, where the data set can tell images apart without reading them."""
        return ()

    @property
    def truths(self) -> frozenset[str] | None:
        """What may be known of its images: label, box, mask, parts; None: only reading them tells.

        Metrics that need something else are refused before any work.
        """
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of the data set as it was opened, one sentence each."""
        return ()

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Example: ...

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__repr__" not in cls.__dict__:  # a dataclass would show every image
            cls.__repr__ = Dataset.__repr__  # type: ignore[method-assign]
        if "__getitem__" in cls.__dict__:
            cls.__getitem__ = _checked(cls.__getitem__)  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} images, classes: {short(self.classes)})"

    def __iter__(self) -> Iterator[Example]:
        return (self[index] for index in range(len(self)))


class StreamedDataset(Dataset):
    """A data set whose images come in portions, each read from its beginning to its end.

    Counting the images, or reading one by its number, may mean to read whole portions.
    """

    @abstractmethod
    def portions(self, limit: int | None) -> Sequence[range]:
        """Numbers that images of each portion may have, up to the first `limit` images.

        Not every number needs to stand for an image.
        """

    @abstractmethod
    def read(self, portion: range) -> Iterator[tuple[int, Example | InputError]]:
        """The images of a portion by their numbers, or why one cannot be read."""


def _checked(read: Callable[[Any, int], Example]) -> Callable[[Any, int], Example]:
    """Reading one example, where any other error than ours names the data set and the example."""

    @wraps(read)
    def checked(dataset: Any, index: int) -> Example:
        name = f"data set {type(dataset).__module__}:{type(dataset).__qualname__}"
        if not -len(dataset) <= index < len(dataset):
            raise IndexError(f"{name} has {len(dataset)} images; found no image {index}")
        with blamed(name, f"failed at image {index}"):
            found = read(dataset, index)
        if not isinstance(found, Example):
            raise PluginError(
                f"{name} gave {type(found).__name__} as image {index}; expected an "
                "interp.dataset.Example"
            )
        return found

    return checked
