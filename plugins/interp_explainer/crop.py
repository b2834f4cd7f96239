"""A data set cut to its objects' boxes, with parts and masks moved along."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from interp.dataset import Dataset, Example, Instance, Part
from interp.errors import InputError


@dataclass(frozen=True, eq=False)
class Crops(Dataset):
    """Each image cut to the box of its largest object; InputError for one without."""

    whole: Dataset

    @property
    def classes(self) -> tuple[str, ...]:
        return self.whole.classes

    @property
    def fingerprint(self) -> str:
        return f"crops of {self.whole.fingerprint}"

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, index: int) -> Example:
        example = self.whole[index]
        instance = main_object(example)
        if instance is None:
            raise InputError(f"found no box in {example.name}; expected one to cut it to")
        rows, columns = _window(instance, example.image.shape[:2])
        moved = _moved(instance, rows, columns)
        return replace(example, image=example.image[rows, columns], instances=(moved,))


def main_object(example: Example) -> Instance | None:
    """The largest object, of the image's class where that is known; None without a box."""
    same = [e for e in example.instances if example.label is None or e.label == example.label]
    return max(same, key=_area, default=None)


def _area(instance: Instance) -> float:
    left, top, right, bottom = instance.box
    return (right - left) * (bottom - top)


def _window(instance: Instance, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The pixels of a box that lie in the image: one or more."""
    left, top, right, bottom = (round(side) for side in instance.box)
    top, left = min(max(top, 0), shape[0] - 1), min(max(left, 0), shape[1] - 1)
    return (
        slice(top, max(min(bottom, shape[0]), top + 1)),
        slice(left, max(min(right, shape[1]), left + 1)),
    )


def _moved(instance: Instance, rows: slice, columns: slice) -> Instance:
    def cut(mask: np.ndarray | None) -> np.ndarray | None:
        return None if mask is None else mask[rows, columns]

    def move(part: Part) -> Part:
        x, y = part.centre
        return replace(part, centre=(x - columns.start, y - rows.start), mask=cut(part.mask))

    box = (0.0, 0.0, float(columns.stop - columns.start), float(rows.stop - rows.start))
    parts = tuple(move(part) for part in instance.parts)
    return replace(instance, box=box, mask=cut(instance.mask), parts=parts)
