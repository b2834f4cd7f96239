"""Weakly supervised localization by maps: scores by image, tuned thresholds, a table of metrics.

Every metric is compared with a centred Gaussian, which no map of a model should lose to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from interp.context import Progress, no_progress
from interp.dataset import Box
from interp.errors import InputError
from interp.evaluation.bootstrap import RESAMPLES, Statistic, compare, estimate, first_column
from interp.evaluation.cross_fit import best_setting
from interp.metric import Measurement
from interp_standard.baseline import SIGMA, centred_gaussian
from interp_standard.localize import (
    area,
    check_map,
    energy,
    inside,
    iou,
    largest_box,
    pointing,
)
from interp_standard.thresholds import SHARES, sweep

ACCEPT = 0.5
"""IoU from which a box is right."""
ACCEPT_V2 = np.array([0.3, 0.5, 0.7])
SMALL = 0.3
"""An object is small below this share of the image."""


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


def tune(
    maps: Iterable[np.ndarray],
    boxes: Sequence[Sequence[Box]],
    accept: float = 0.5,
    progress: Progress = no_progress,
) -> float:
    """The share at which most largest boxes reach the IoU `accept`, for use on other images.

    Of equally good shares the middle one.
    """
    found = []
    for done, (values, truths) in enumerate(zip(maps, boxes, strict=True), 1):
        found.append(sweep(values, truths)[0])
        progress("tuning the threshold", done, len(boxes))
    return best_share(np.array(found), accept)


def best_share(found: np.ndarray, accept: float) -> float:
    """The share at which most images reach the IoU `accept`, of those at each of SHARES (N, S).

    Of equally good shares the middle one.
    """
    return float(SHARES[best_setting((found >= accept).astype(float))])


@dataclass(frozen=True)
class Localization:
    """Weakly supervised localization of the image's class by a map, one map per image.

    The box is that around the largest component above `share` of the map's maximum; it is right
    at IoU .5 with any of the class's boxes. Top-k error asks besides that the class be among the
    model's first k, so only the right class's map is needed. Known-class error asks the box alone.
    MaxBoxAccV2 (Choe et al., CVPR 2020): at every threshold an image counts when the box of *any*
    component fits; accuracy at the best threshold, averaged over IoU .3, .5 and .7. Three things
    are ours: negative values are clipped where theirs stretch the map from its minimum, holes in
    a component give no boxes, and edges lie between pixels. It picks its threshold on the images
    it scores; every other number uses `share`, which `tuned` takes from others.
    Energy is the share of the positive map in the object, pointing asks whether its maximum is.
    A map without positive value finds nothing: every score 0.
    """

    share: float
    centre_share: float
    """The centred Gaussian's own threshold."""
    sigma: float = SIGMA
    """The Gaussian's standard deviation as a share of each side."""
    tolerance: float = 0
    """Pixels by which pointing may miss."""

    @classmethod
    def tuned(
        cls,
        maps: Iterable[np.ndarray],
        truths: Sequence[Truth],
        sigma: float = SIGMA,
        tolerance: float = 0,
        progress: Progress = no_progress,
    ) -> Localization:
        """Thresholds of the maps and of the Gaussian, from images that are not scored later."""
        boxes = [each.boxes for each in truths]
        centres = (centred_gaussian(each.shape, sigma) for each in truths)
        share = tune(maps, boxes, progress=progress)
        return cls(share, tune(centres, boxes, progress=progress), sigma, tolerance)

    def score(
        self, maps: Iterable[np.ndarray], truths: Sequence[Truth], progress: Progress = no_progress
    ) -> Score:
        """Scores of maps (H, W) of the right class, image by image; `rows` compares two such."""
        return score(maps, truths, self.share, self.tolerance, progress)

    def score_centre(self, truths: Sequence[Truth], progress: Progress = no_progress) -> Score:
        """Scores of the centred Gaussian on the same images."""
        centres = (centred_gaussian(each.shape, self.sigma) for each in truths)
        return score(centres, truths, self.centre_share, self.tolerance, progress)

    def report(
        self,
        maps: Iterable[np.ndarray],
        truths: Sequence[Truth],
        generator: np.random.Generator,
        resamples: int = RESAMPLES,
        progress: Progress = no_progress,
    ) -> list[Row]:
        """Every metric of the maps beside the centred Gaussian's, with the paired difference."""
        own, other = self.score(maps, truths, progress), self.score_centre(truths, progress)
        return rows(own, other, generator, resamples)


@dataclass(frozen=True)
class Row:
    """One metric on one group of images: of a method, of another one, and their difference."""

    metric: str
    group: str
    value: Measurement
    other: Measurement
    difference: Measurement


@dataclass(frozen=True)
class Metric:
    """Columns (N, M) of a score that are averaged over images, and the statistic of their means."""

    name: str
    columns: Callable[[Score], np.ndarray]
    higher_is_better: bool = True
    statistic: Statistic = first_column
    unit: str = "share of images"

    def row(
        self,
        group: str,
        first: Score,
        second: Score,
        generator: np.random.Generator,
        resamples: int,
    ) -> Row:
        """The metric of both scores and of their difference, each with its interval."""
        one, other = self.columns(first), self.columns(second)
        how = (generator, self.unit, self.higher_is_better, self.statistic, resamples)
        difference = compare(one, other, *how)
        return Row(self.name, group, estimate(one, *how), estimate(other, *how), difference)


def rows(
    first: Score, second: Score, generator: np.random.Generator, resamples: int = RESAMPLES
) -> list[Row]:
    """Every metric on all, small and large objects; groups without images are left out.

    Top-1 and top-5 error are there where every image's rank of the right class is known.
    """
    if not np.array_equal(first.size, second.size):
        raise InputError("found scores of different images; expected the same ones in one order")
    small = first.size < SMALL
    groups = {"all": np.ones_like(small), "small": small, "large": ~small}
    ranked = not np.isnan(first.rank).any()
    return [
        metric.row(group, first.pick(chosen), second.pick(chosen), generator, resamples)
        for metric in (RANKED + METRICS if ranked else METRICS)
        for group, chosen in groups.items()
        if chosen.any()
    ]


def _error(score: Score, answers: float) -> np.ndarray:
    """1 where the box is wrong or the right class is not among the first answers, (N,)."""
    return 1.0 - ((score.iou >= ACCEPT) & (score.rank < answers))


def _right_at_each(score: Score) -> np.ndarray:
    """Whether the best box is right, for every IoU and share, (N, 3 S)."""
    return (score.best[:, None] >= ACCEPT_V2[:, None]).reshape(len(score.best), -1)


def _best_of_each(means: np.ndarray) -> np.ndarray:
    """Accuracy (R, 3 S) at each IoU's best share, averaged over the IoUs, (R,)."""
    best: np.ndarray = means.reshape(len(means), len(ACCEPT_V2), -1).max(2).mean(1)
    return best


RANKED = (
    Metric("top-1 error", lambda score: _error(score, 1), higher_is_better=False),
    Metric("top-5 error", lambda score: _error(score, 5), higher_is_better=False),
)
METRICS = (
    Metric("known-class error", lambda score: 1.0 - (score.iou >= ACCEPT), higher_is_better=False),
    Metric("MaxBoxAccV2", _right_at_each, statistic=_best_of_each),
    Metric("pointing", lambda score: score.pointing),
    Metric("energy", lambda score: score.energy, unit="share of the map"),
)
