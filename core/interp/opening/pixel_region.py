"""The pixels of an image over which a segmentation is averaged, as a user names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from interp.errors import InputError
from interp.network.placement import Placement
from interp.storage.image import read_image

PREDICTED, IMAGE = "predicted", "image"
FORMS = "predicted, image, box:x0,y0,x1,y1, point:x,y or mask:FILE"


@dataclass(frozen=True)
class PixelRegion:
    """A region as it is named: its `kind`, the `numbers` of a box or point, or a mask's `file`.

    Numbers are in pixels of the original image, from its top left corner.
    """

    kind: str
    numbers: tuple[float, ...] = ()
    file: Path | None = None

    def mask(self, shape: tuple[int, int]) -> np.ndarray:
        """The region in an original image of this shape (H, W), (H, W) bool.

        Raises InputError where nothing of it lies in the image.
        """
        if self.file is not None:
            found = _read_mask(self.file, shape)
        elif self.kind in ("box", "point"):
            found = _inside(self.numbers, shape)
        else:
            found = np.ones(shape, bool)
        if not found.any():
            raise InputError(
                f"found region {self}, of which no pixel lies in the image of {shape[1]} x "
                f"{shape[0]} pixels; expected one that does"
            )
        return found

    def __str__(self) -> str:
        numbers = ",".join(f"{each:g}" for each in self.numbers)
        return f"{self.kind}:{numbers or self.file}" if numbers or self.file else self.kind


def parse_region(text: str) -> PixelRegion:
    """The region that a text names, such as "box:10,20,50,60". Raises InputError for another."""
    kind, _, rest = text.partition(":")
    if text in (PREDICTED, IMAGE):
        return PixelRegion(text)
    if kind == "mask" and rest:
        return PixelRegion(kind, file=Path(rest))
    try:
        numbers = tuple(float(each) for each in rest.split(","))
    except ValueError:
        numbers = ()
    if (kind, len(numbers)) not in (("box", 4), ("point", 2)):
        raise InputError(f"found region {text!r}; expected {FORMS}, in pixels of the image")
    if kind == "box" and not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        raise InputError(f"found region {text!r}; expected a box with x0 < x1 and y0 < y1")
    return PixelRegion(kind, numbers)


def on_grid(mask: np.ndarray, placement: Placement, grid: tuple[int, int]) -> np.ndarray:
    """The share of each cell of a model's output that a mask (H, W) of the image covers, (h, w)."""
    import cv2

    shown = np.repeat(mask[..., None], 3, 2).astype(np.uint8) * 255
    seen = placement.to_input(shown, pad=0.0)[..., 0]
    return cv2.resize(seen, grid[::-1], interpolation=cv2.INTER_AREA)


def on_image(cells: np.ndarray, placement: Placement) -> np.ndarray:
    """Cells (h, w) bool of a model's output as a mask of the original image, (H, W) bool."""
    values = placement.grid_to_input(cells.astype(np.float32), None)
    return placement.to_image(values) >= 0.5


def box_around(mask: np.ndarray) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1) of a mask (H, W) that is not empty; x1 and y1 one past its last pixel."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _inside(numbers: tuple[float, ...], shape: tuple[int, int]) -> np.ndarray:
    """The pixels whose middle lies in a box, or the one that holds a point."""
    rows, columns = np.arange(shape[0]), np.arange(shape[1])
    if len(numbers) == 2:
        x, y = (np.floor(each) for each in numbers)
        return np.logical_and.outer(rows == y, columns == x)
    x0, y0, x1, y1 = numbers
    high, wide = rows + 0.5, columns + 0.5
    return np.logical_and.outer((high >= y0) & (high < y1), (wide >= x0) & (wide < x1))


def _read_mask(file: Path, shape: tuple[int, int]) -> np.ndarray:
    """All pixels of a mask file that are not black, (H, W) bool."""
    found = read_image(file).pixels.any(2)
    if found.shape != shape:
        raise InputError(
            f"found mask {file} of {found.shape[1]} x {found.shape[0]} pixels; expected "
            f"{shape[1]} x {shape[0]}, the size of the image that it belongs to"
        )
    return np.asarray(found)
