"""A data set of crops: each image cut to a square around its largest object."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from interp.dataset import Dataset, Example, Instance
from interp.errors import InputError


@dataclass(frozen=True, eq=False)
class ObjectCrops(Dataset):
    """Each image cut to a square around its largest object, parts and masks moved along.

    The square's side is `margin` times the box's longer side, so that nothing is distorted; at the
    image's edge the square is moved inwards, and it is at most as large as the image. InputError
    for an image without a box.
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
            raise InputError(f"found no box in {example.name}; expected one to crop it to")
        left, top, right, bottom = instance.box
        side = max(1, round(self.margin * max(right - left, bottom - top)))
        height, width = example.image.shape[:2]
        rows, columns = _span(top + bottom, side, height), _span(left + right, side, width)
        cropped = _cropped(instance, rows, columns)
        return replace(example, image=example.image[rows, columns], instances=(cropped,))


def main_object(example: Example) -> Instance | None:
    """The largest object, of the image's class where that is known; None without a box."""
    same = [e for e in example.instances if example.label is None or e.label == example.label]
    return max(same, key=lambda e: (e.box[2] - e.box[0]) * (e.box[3] - e.box[1]), default=None)


def _span(ends: float, side: int, length: int) -> slice:
    """`side` pixels around the middle of two ends (given by their sum), inside 0 to `length`."""
    side = min(side, length)
    start = min(max(round(ends / 2 - side / 2), 0), length - side)
    return slice(start, start + side)


def _cropped(instance: Instance, rows: slice, columns: slice) -> Instance:
    def cut(mask: np.ndarray | None) -> np.ndarray | None:
        return None if mask is None else mask[rows, columns]

    x, y = columns.start, rows.start
    parts = tuple(
        replace(part, centre=(part.centre[0] - x, part.centre[1] - y), mask=cut(part.mask))
        for part in instance.parts
    )
    box = (0.0, 0.0, float(columns.stop - x), float(rows.stop - y))
    return replace(instance, box=box, mask=cut(instance.mask), parts=parts)
