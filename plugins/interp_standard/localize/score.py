"""What is true of an image, and what a method's maps reach on many, image by image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from interp.context import Progress, no_progress
from interp.dataset import Box
from interp.errors import InputError
from interp_standard.localize.box import area, checked, iou, largest_box
from interp_standard.localize.region import energy, inside, pointing
from interp_standard.localize.sweep import sweep


@dataclass(frozen=True, eq=False)
class Truth:
    """Where the objects of the image's class are; with several, a hit on any counts."""

    shape: tuple[int, int]
    """The image's height and width (H, W)."""
    boxes: Sequence[Box]
    mask: np.ndarray | None = None
    """The objects' pixels, (H, W), not 0; None: those inside the boxes."""
    rank: int | None = None
    """How many classes the model puts before the right one; None: not known."""

    @property
    def region(self) -> np.ndarray:
        """The objects' pixels, (H, W) bool."""
        return inside(self.boxes, self.shape) if self.mask is None else self.mask.astype(bool)

    @property
    def size(self) -> float:
        """The largest box's share of the image."""
        return float(area(np.asarray(self.boxes, float)).max() / (self.shape[0] * self.shape[1]))

    def check(self, values: np.ndarray) -> None:
        """Raise InputError unless boxes, mask and the map `values` go together."""
        if not len(self.boxes):
            raise InputError("found an image without boxes; expected at least one; leave it out")
        mask = self.shape if self.mask is None else self.mask.shape
        if not values.shape == mask == self.shape:
            raise InputError(
                f"found a map of {values.shape} and a mask of {mask}; expected the image's "
                f"{self.shape}; bring them to the image's coordinates"
            )


@dataclass(frozen=True, eq=False)
class Score:
    """One method's maps of the right class against the truth; an entry per image."""

    iou: np.ndarray
    """Of the largest component's box with the truth that fits best, (N,)."""
    pointing: np.ndarray
    energy: np.ndarray
    best: np.ndarray
    """IoU of the best component at each of SHARES, (N, S)."""
    size: np.ndarray
    """The largest true box's share of the image, (N,)."""
    rank: np.ndarray
    """How many classes come before the right one, (N,); NaN where that is not known."""

    def pick(self, chosen: np.ndarray) -> Score:
        """The same of the chosen images, (N,) bool."""
        return Score(*(column[chosen] for column in vars(self).values()))


def score(
    maps: Iterable[np.ndarray],
    truths: Sequence[Truth],
    share: float,
    tolerance: float = 0,
    progress: Progress = no_progress,
) -> Score:
    """Measure maps (H, W) of the right class, one per truth, boxes at `share` of the maximum."""
    if not truths:
        raise InputError("found no images; expected at least one map with its truth")
    found = []
    for done, (values, truth) in enumerate(zip(maps, truths, strict=True), 1):
        truth.check(checked(values))
        found.append(_score_one(values, truth, share, tolerance))
        progress("scoring maps", done, len(truths))
    return Score(*(np.array(column) for column in zip(*found, strict=True)))


def _score_one(
    values: np.ndarray, truth: Truth, share: float, tolerance: float
) -> tuple[float, float, float, np.ndarray, float, float]:
    """The fields of Score for one image."""
    box, region = largest_box(values, share), truth.region
    return (
        float(iou([box], truth.boxes).max()) if box else 0.0,
        pointing(values, region, tolerance),
        energy(values, region),
        sweep(values, truth.boxes)[1],
        truth.size,
        np.nan if truth.rank is None else truth.rank,
    )
