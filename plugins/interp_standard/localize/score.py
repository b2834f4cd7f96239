"""Localization scores of a method's maps, image by image, and the threshold that suits them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from interp.context import Progress, no_progress
from interp.dataset import Box
from interp.errors import InputError
from interp_standard.localize.box import area, check_map, components, iou, largest_box
from interp_standard.localize.region import energy, inside, pointing

SHARES = np.arange(100) / 100
"""Thresholds tried, as shares of the map's maximum."""
SIDE = 224
"""Larger maps are reduced to this side before thresholds are tried, as Choe et al. do."""


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
        truth.check(check_map(values))
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


def sweep(values: np.ndarray, truths: Sequence[Box]) -> tuple[np.ndarray, np.ndarray]:
    """IoU at each of SHARES of the largest component, and of the best component, each (S,).

    The truth that fits best counts; 0 where nothing is lit.
    """
    small, scale = _reduce(check_map(values))
    owner, found = _all_components(small)
    largest, best = np.zeros(len(SHARES)), np.zeros(len(SHARES))
    if len(found):
        fit = iou(found[:, :4] * scale, truths).max(1)
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        largest[owner[first]] = fit[first]
        best[owner[first]] = np.maximum.reduceat(fit, first)
    return largest, best


def tune(
    maps: Iterable[np.ndarray],
    boxes: Sequence[Sequence[Box]],
    accept: float = 0.5,
    progress: Progress = no_progress,
) -> float:
    """The share at which most largest boxes reach the IoU `accept`, for use on other images.

    Of equally good shares the middle one.
    """
    hits = np.zeros(len(SHARES))
    for done, (values, truths) in enumerate(zip(maps, boxes, strict=True), 1):
        hits += sweep(values, truths)[0] >= accept
        progress("tuning the threshold", done, len(boxes))
    best = np.flatnonzero(hits == hits.max())
    return float(SHARES[best[len(best) // 2]])


def _all_components(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index into SHARES (M,) and box with pixels (M, 5) of every component at every share."""
    owners, found = [np.zeros(0, int)], [np.zeros((0, 5), int)]
    peak, corner = values.max(), np.zeros(5, int)
    for index, share in enumerate(SHARES):
        here = components(values, share * peak)
        if not len(here):
            break
        owners.append(np.full(len(here), index))
        found.append(here + corner)
        # a higher threshold lights a part of what this one lights: look only there
        (left, top), (right, bottom) = here[:, :2].min(0), here[:, 2:4].max(0)
        values = values[top:bottom, left:right]
        corner += [left, top, left, top, 0]
    return np.concatenate(owners), np.concatenate(found)


def _reduce(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The map with sides of at most SIDE, and the factors that scale its boxes back, (4,)."""
    import cv2

    height, width = values.shape
    size = (min(width, SIDE), min(height, SIDE))
    scale = np.array([width / size[0], height / size[1]] * 2)
    return cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA), scale
