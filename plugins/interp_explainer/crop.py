"""A data set cut to squares about its objects, with parts and masks moved along."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from interp.dataset import Dataset, Example, Instance, Part
from interp.errors import InputError


@dataclass(frozen=True, eq=False)
class Crops(Dataset):
    """Each image cut to a square about its largest object; InputError for one without.

    The square's side is `margin` times the box's longer side, so that nothing is distorted; at the
    image's edge it is moved inwards, and as large as the image at most.
    """

    whole: Dataset
    margin: float

    @property
    def classes(self) -> tuple[str, ...]:
        return self.whole.classes

    @property
    def fingerprint(self) -> str:
        return f"crops by {self.margin} of {self.whole.fingerprint}"

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, index: int) -> Example:
        example = self.whole[index]
        instance = main_object(example)
        if instance is None:
            raise InputError(f"found no box in {example.name}; expected one to cut it to")
        rows, columns = _window(instance, self.margin, example.image.shape[:2])
        moved = _moved(instance, rows, columns)
        return replace(example, image=example.image[rows, columns], instances=(moved,))


def main_object(example: Example) -> Instance | None:
    """The largest object, of the image's class where that is known; None without a box."""
    same = [e for e in example.instances if example.label is None or e.label == example.label]
    return max(same, key=_area, default=None)


def _area(instance: Instance) -> float:
    left, top, right, bottom = instance.box
    return (right - left) * (bottom - top)


def _window(instance: Instance, margin: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the square."""
    left, top, right, bottom = instance.box
    side = max(1, round(margin * max(right - left, bottom - top)))
    return _span((top + bottom) / 2, side, shape[0]), _span((left + right) / 2, side, shape[1])


def _span(middle: float, side: int, length: int) -> slice:
    side = min(side, length)
    start = min(max(round(middle - side / 2), 0), length - side)
    return slice(start, start + side)


def _moved(instance: Instance, rows: slice, columns: slice) -> Instance:
    def cut(mask: np.ndarray | None) -> np.ndarray | None:
        return None if mask is None else mask[rows, columns]

    def move(part: Part) -> Part:
        x, y = part.centre
        return replace(part, centre=(x - columns.start, y - rows.start), mask=cut(part.mask))

    box = (0.0, 0.0, float(columns.stop - columns.start), float(rows.stop - rows.start))
    parts = tuple(move(part) for part in instance.parts)
    return replace(instance, box=box, mask=cut(instance.mask), parts=parts)
