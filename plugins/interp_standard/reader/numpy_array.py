"""NumPy files: images (N, H, W, 3) with labels in one .npz, or in .npy files side by side."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from interp.dataset import Dataset, Example
from interp.errors import InputError
from interp_standard.reader.array_file import ArrayFile, arrays_in

IMAGES = ("images", "image", "x", "data", "x_test", "x_train", "x_val")
LABELS = ("labels", "label", "y", "targets", "target", "y_test", "y_train", "y_val")
CLASSES = ("classes", "class_names", "names")
"""Names of arrays in a .npz, whatever the case of their letters; the first that is there counts."""
BESIDE = (("images", "labels"), ("image", "label"), ("X", "y"), ("x", "y"))
"""How a .npy file of images is called in part, and how the file of labels beside it is."""


@dataclass(frozen=True, eq=False)
class ImageStack(Dataset):
    """Images (N, H, W, 3), or grey (N, H, W) or (N, H, W, 1), uint8 or fractions in [0, 1]."""

    images: ArrayFile
    name: str
    labels: tuple[int, ...] | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    truths = frozenset({"label"})

    @property
    def fingerprint(self) -> str:
        facts = repr((self.images.fingerprint, self.labels, self.classes))
        return hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()

    def __len__(self) -> int:
        return self.images.header.shape[0]

    def __getitem__(self, index: int) -> Example:
        at = range(len(self))[index]  # raises IndexError, which ends a loop
        name = f"{self.name}-{at:0{len(str(len(self) - 1))}d}"
        pixels = _eight_bits(np.array(self.images.values[at]), name)
        if pixels.ndim == 2 or pixels.shape[2] == 1:
            pixels = pixels.reshape(*pixels.shape[:2], 1).repeat(3, 2)
        label = None if self.labels is None else self.labels[at]
        return Example(name, np.ascontiguousarray(pixels), label)


def _eight_bits(image: np.ndarray, name: str) -> np.ndarray:
    """Pixels as uint8. Raises InputError for fractions outside of [0, 1]."""
    if image.dtype == np.uint8:
        return image
    low, high = float(image.min()), float(image.max())
    if not (low >= 0 and high <= 1):  # also NaN
        raise InputError(
            f"{name}: found values from {low:.4g} to {high:.4g}; expected fractions in [0, 1]; "
            "divide by the white value, or save uint8"
        )
    return np.asarray((image.astype(np.float64) * 255).round().astype(np.uint8))


def open_arrays(path: Path) -> ImageStack:
    """The images of a NumPy file. Raises InputError for what holds none, or objects."""
    return _archived(path) if zipfile.is_zipfile(path) else _side_by_side(path)


def _archived(path: Path) -> ImageStack:
    """The images and labels of a .npz file."""
    arrays = arrays_in(path)
    shapes = {name: each.header.shape for name, each in arrays.items()}
    stacks = [name for name, shape in shapes.items() if len(shape) == 4]
    images = next((each for each in (*IMAGES, *stacks) if each in arrays), None)
    if images is None:
        raise InputError(
            f"{path}: found the arrays {', '.join(arrays) or 'none'}; expected images (N, H, W, 3) "
            "as 'images', and their 'labels'"
        )
    labels = next((each for each in LABELS if each in arrays and each != images), None)
    names = next((each for each in CLASSES if each in arrays), None)
    told = "no labels were found" if labels is None else f"labels from {labels!r}"
    note = f"images were taken from the array {images!r}, {told}"
    return _stack(
        path,
        arrays[images],
        None if labels is None else arrays[labels],
        None if names is None else arrays[names],
        note,
    )


def _side_by_side(path: Path) -> ImageStack:
    """The images of a .npy file, and the labels of the file beside it, if there is one."""
    names = [path.stem.replace(one, other, 1) for one, other in BESIDE if one in path.stem]
    places = [path.with_name(f"{each}.npy") for each in (*names, f"{path.stem}_labels")]
    found = next((each for each in places if each.is_file()), None)
    told = f"found no labels in {', '.join(dict.fromkeys(each.name for each in places))}"
    note = f"images were taken from {path.name}, {f'labels from {found.name}' if found else told}"
    return _stack(path, ArrayFile(path), None if found is None else ArrayFile(found), None, note)


def _stack(
    path: Path, images: ArrayFile, labels: ArrayFile | None, names: ArrayFile | None, note: str
) -> ImageStack:
    """The data set of these arrays. Raises InputError where their sizes or types do not fit."""
    shape, _, kind = images.header
    layout = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))
    if not layout or not (kind == np.uint8 or kind.kind == "f"):
        turn = "; transpose them (0, 2, 3, 1)" if len(shape) == 4 and shape[1] in (1, 3) else ""
        raise InputError(
            f"{path}: found images {shape} {kind}; expected (N, H, W, 3), uint8 or fractions in "
            f"[0, 1]{turn}"
        )
    notes = (note,) if kind == np.uint8 else (note, f"pixels of {kind} were read as [0, 1]")
    if labels is None:
        return ImageStack(images, path.stem, notes=notes)
    if labels.header.shape not in ((shape[0],), (shape[0], 1)):
        raise InputError(
            f"{path}: found labels {labels.header.shape} of {shape[0]} images; expected one each"
        )
    numbers, classes = _numbered(labels, names, path)
    return ImageStack(images, path.stem, numbers, classes, notes)


def _numbered(
    labels: ArrayFile, names: ArrayFile | None, path: Path
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The label of each image among the classes: named ones, else the labels in their order."""
    values = labels.values.ravel()
    if values.dtype.kind not in "iuUSb":
        raise InputError(f"{path}: found labels of {values.dtype}; expected numbers or names")
    if names is not None and values.dtype.kind in "iu":
        listed = tuple(map(_text, names.values.ravel()))
        if len(values) and not 0 <= int(values.min()) <= int(values.max()) < len(listed):
            raise InputError(
                f"{path}: found labels {values.min()} to {values.max()} of {len(listed)} classes; "
                "expected numbers from 0 below that"
            )
        return tuple(map(int, values)), listed
    found, places = np.unique(values, return_inverse=True)
    return tuple(map(int, places)), tuple(map(_text, found))


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
