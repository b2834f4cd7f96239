"""Whether filters stand for object parts: where their peaks are, and overlap with part masks."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.dataset import Dataset, Part
from interp.errors import InputError
from interp.evaluation.bootstrap import SampleMetric
from interp.evaluation.dissection import iou, maps_to_input, mask_to_input, thresholds
from interp.model import ModelAdapter
from interp.params import Params
from interp_explainer.coordinates import peak_points, to_input
from interp_explainer.knowledge import Observation, TrainedExplainer
from interp_explainer.metric.rebuilding import ExplainerMetricParams
from interp_explainer.object_crop import main_object
from interp_explainer.survey import TOP

Over = Literal["mean", "best"]
"""The mean over all parts, or the part with which a filter is most stable."""
HIGHEST = 100
"""Number of images with a filter's highest peaks, of those that show a part."""


class PartParams(ExplainerMetricParams):
    """The filters that are measured."""

    of: Literal["explainer", "performer"] = Field(
        "explainer", description="the part filters, or channels of the network itself"
    )
    layer: str | None = Field(
        None, description="of=performer: their layer; default: the one that is explained"
    )

    def maps(self, explainer: TrainedExplainer, seen: Observation, masked: bool) -> np.ndarray:
        """Maps (F, h, w): the explainer's after ReLU and mask or as they are, or the layer's."""
        encoded, layer = seen.forward.rebuilt.encoded, self.map_layer(explainer)
        if self.of == "explainer":
            found = encoded.parts if masked else encoded.raw
        elif layer == explainer.structure.layer:
            found = seen.forward.maps
        else:
            found = explainer.performer.model.activations(seen.pixels[None], [layer])[layer].float()
        return np.asarray(found[0].cpu().numpy())

    def map_layer(self, explainer: TrainedExplainer) -> str:
        """The layer on whose grid the maps are; for the explainer the layer that it reads."""
        own = explainer.structure.layer
        return own if self.of == "explainer" else self.layer or own


class PlaceParams(PartParams):
    """Parameters of measures of where peaks are."""

    of: Literal["explainer", "performer", "ideal", "centre", "cells", "best-cell"] = Field(  # type: ignore[assignment]
        "explainer",
        description="the part filters, channels of the network itself, or, as the bound, one "
        "filter fixed to each part; blind ones: the input's centre, each cell of the layer's grid, "
        "or the one cell that measures best on these images",
    )
    over: Over = Field("mean", description="all parts, or each filter's best part")
    within: Literal["all", "class"] = Field(
        "all", description="all images as one class, or each filter's best class"
    )


@dataclass(frozen=True, eq=False)
class Places:
    """Filters' peaks (N, F, 2) and parts (N, K, 2) on N images, (y, x) in the network's input.

    NaN where an image does not show a part; score (N, F) is how high a peak is.
    """

    peaks: np.ndarray
    parts: np.ndarray
    score: np.ndarray
    size: tuple[int, int]
    """The input's height and width."""

    def pick(self, chosen: np.ndarray) -> Places:
        """The same of the chosen images, (N,) bool."""
        return Places(self.peaks[chosen], self.parts[chosen], self.score[chosen], self.size)


@dataclass(frozen=True)
class PlaceMetric(SampleMetric):
    """A number for each filter and part, from the filter's peaks and the part's places.

    The peak is a filter's largest cell before ReLU and mask. Of the images that show a part those
    100 count on which the filter's peak is highest; where all are alike, the first ones.
    """

    Params: ClassVar[type[Params]] = PlaceParams

    params: PlaceParams

    @abstractmethod
    def by_part(self, places: Places) -> np.ndarray:
        """The number of each filter and part, (F, K); NaN where it is not known."""

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """The number of each filter, (F,)."""
        places, labels = self._seen(model, dataset, context)
        groups = np.zeros(len(labels)) if self.params.within == "all" else np.array(labels)
        found = by_filter(self.by_part, places, groups, self.params.over, self.higher_is_better)
        if not np.isfinite(found).all():
            raise InputError("found no part on two images or more; expected COCO keypoints")
        if self.params.of == "best-cell":
            return np.asarray([found.max() if self.higher_is_better else found.min()])
        return found

    def _seen(
        self, model: ModelAdapter, dataset: Dataset, context: Context
    ) -> tuple[Places, list[int | None]]:
        """Peaks and parts of every image that can be read, and the images' labels."""
        explainer = TrainedExplainer.of(model, folder=self.params.knowledge)
        of, layer = self.params.of, model.layer(self.params.map_layer(explainer))
        size = model.spec.input.size
        peaks, scores, places, labels = [], [], [], []
        for each in explainer.run_all(dataset, context):
            if of in ("explainer", "performer"):
                maps = self.params.maps(explainer, each, masked=False)
                peaks.append(peak_points(maps, layer, size))
                scores.append(maps.max((1, 2)))
            elif of in ("cells", "best-cell"):
                grid = each.forward.maps.shape[-2:]
                peaks.append(peak_points(np.eye(math.prod(grid)).reshape(-1, *grid), layer, size))
            elif of == "centre":
                peaks.append(np.array([size]) / 2)
            centres = {part.name: np.array(part.centre[::-1]) for part in _parts(each)}
            places.append({name: to_input(at, each.placement) for name, at in centres.items()})
            labels.append(each.example.label)
        if self.params.within == "class" and None in labels:
            raise InputError("found images without a label; expected one each for within=class")
        parts = _table(places)
        where = parts if of == "ideal" else np.stack(peaks)
        score = np.stack(scores) if scores else np.ones(where.shape[:2])
        return Places(where, parts, score, size), labels


@dataclass(frozen=True)
class PartInstability(PlaceMetric):
    """mean_f mean_k std over images of |p_k - mu_f| / diagonal of the network's input.

    mu_f is filter f's peak, p_k the place of part k. A filter that never moves has a small
    instability, too, where parts move little: read it beside of=centre and part-tracking.
    """

    unit: ClassVar[str] = "share of the diagonal"
    higher_is_better: ClassVar[bool] = False

    def by_part(self, places: Places) -> np.ndarray:
        return instability(distances(places.peaks, places.parts, places.size), places.score)


@dataclass(frozen=True)
class PartTracking(PlaceMetric):
    """mean_f mean_k of the adjusted R^2 of part k's place, from filter f's peak by least squares.

    The share of the part's movement, from image to image, that the peak explains: 1 for a filter
    glued to the part, 0 for one that never moves, and 0 on average for one that moves without the
    part. Ours.
    """

    unit: ClassVar[str] = "share of the movement"
    higher_is_better: ClassVar[bool] = True

    def by_part(self, places: Places) -> np.ndarray:
        return tracking(places.peaks, places.parts, places.score)


def distances(peaks: np.ndarray, parts: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """|p_k - mu| / sqrt(w^2 + h^2), (N, F, K): peaks mu (N, F, 2), parts p (N, K, 2), size (h, w).

    NaN where an image does not show a part.
    """
    apart = np.linalg.norm(peaks[:, :, None] - parts[:, None], axis=3)
    return np.asarray(apart / np.hypot(*size))


def instability(apart: np.ndarray, score: np.ndarray, highest: int = HIGHEST) -> np.ndarray:
    """Standard deviation (N - 1) of distances (N, F, K) over images, (F, K).

    For each filter and part over the images with the highest peak scores (N, F) of those that show
    the part; NaN where these are fewer than two.
    """
    rows = _highest(np.isnan(apart), score, highest)
    taken = np.ma.masked_invalid(np.take_along_axis(apart, rows, 0))
    return np.asarray(taken.std(0, ddof=1).filled(np.nan))


def tracking(
    peaks: np.ndarray, parts: np.ndarray, score: np.ndarray, highest: int = HIGHEST
) -> np.ndarray:
    """Adjusted R^2 of parts p (N, K, 2) by least squares on peaks mu (N, F, 2), (F, K).

    1 - (1 - R^2) (N - 1) / (N - 1 - r), r the rank of the peaks' covariance. Images as in
    `instability`; NaN where they are too few, or the part does not move.
    """
    there = ~np.isnan(parts[:, None, :, 0] - peaks[:, :, None, 0])  # (N, F, K)
    rows = _highest(~there, score, highest)
    used = np.take_along_axis(there, rows, 0)[..., None]  # (n, F, K, 1)
    count = used.sum(0)[..., 0]
    mu, p = (
        _centred(
            np.take_along_axis(np.broadcast_to(each, (*there.shape, 2)), rows[..., None], 0), used
        )
        for each in (peaks[:, :, None], parts[:, None])
    )
    both = np.einsum("nfki,nfkj->fkij", mu, mu)
    mixed = np.einsum("nfki,nfkj->fkij", mu, p)
    whole = np.square(p).sum((0, 3))
    inverse = np.linalg.pinv(both, rcond=1e-9, hermitian=True)
    free = count - 1 - np.linalg.matrix_rank(both, tol=1e-9 * both.max(initial=1), hermitian=True)
    explained = np.einsum("fkij,fkil,fklj->fk", mixed, inverse, mixed)
    known = (free > 0) & (whole > 1e-9)
    left = (whole - explained) / np.where(known, whole, 1) * (count - 1) / np.where(known, free, 1)
    return np.where(known, 1 - left, np.nan)


def _centred(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Values (n, F, K, 2) less their mean over the used rows (n, F, K, 1), the others 0."""
    kept = np.where(used, values, 0)
    return np.where(used, kept - kept.sum(0) / np.maximum(used.sum(0), 1), 0)


def _highest(hidden: np.ndarray, score: np.ndarray, highest: int) -> np.ndarray:
    """Images with the highest scores (N, F) by filter and part, those hidden (N, F, K) last."""
    order = np.where(hidden, np.inf, -score[:, :, None]).argsort(0, kind="stable")
    return np.asarray(order[:highest])


def by_filter(
    by_part: Callable[[Places], np.ndarray],
    places: Places,
    groups: np.ndarray,
    over: Over = "mean",
    higher_is_better: bool = False,
) -> np.ndarray:
    """Each filter's number (F,) over its parts, in the group of images where it is best.

    groups (N,): one number for all images, or their classes, as the text says of several classes.
    Not finite where no part is seen twice.
    """
    sign = -1.0 if higher_is_better else 1.0
    found = []
    for group in np.unique(groups):
        each = np.ma.masked_invalid(sign * by_part(places.pick(groups == group)))
        found.append((each.mean(1) if over == "mean" else each.min(1)).filled(np.inf))
    return sign * np.asarray(np.min(found, 0))


class OverlapParams(PartParams):
    """Parameters of PartOverlap."""

    top: float = Field(TOP, gt=0, lt=1, description="share of a filter's cells that is its region")
    least: float = Field(0.2, ge=0, lt=1, description="IoU above which a part is hit")


@dataclass(frozen=True)
class PartOverlap(SampleMetric):
    """mean_f max_k of the share of images with part k on which filter f's region hits it.

    A region hits a part where their intersection over union (IoU) is above params.least.
    """

    Params: ClassVar[type[Params]] = OverlapParams

    params: OverlapParams

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """The best part's share of images for each filter, (F,)."""
        explainer = TrainedExplainer.of(model, folder=self.params.knowledge)
        field = model.layer(self.params.map_layer(explainer)).field
        seen = [
            (self.params.maps(explainer, each, masked=True), each.placement, _masks(each))
            for each in explainer.run_all(dataset, context)
        ]
        limits = thresholds(np.stack([maps for maps, _, _ in seen]), self.params.top)
        found = defaultdict(list)
        for maps, placement, masks in seen:
            regions = maps_to_input(maps, placement, field) > limits[:, None, None]  # (F, h, w)
            for name, mask in masks.items():
                found[name].append(iou(regions, mask) > self.params.least)
        if not found:
            raise InputError(
                "found no mask of a part; expected COCO data with parts, e.g. creatures"
            )
        return np.asarray(np.max([np.mean(each, 0) for each in found.values()], 0))


def _parts(seen: Observation) -> tuple[Part, ...]:
    instance = main_object(seen.example)
    return () if instance is None else instance.parts


def _masks(seen: Observation) -> dict[str, np.ndarray]:
    """The masks (h, w) of parts at the network's input size."""
    return {
        part.name: mask_to_input(part.mask, seen.placement) > 0.5
        for part in _parts(seen)
        if part.mask is not None and part.mask.any()
    }


def _table(places: list[dict[str, np.ndarray]]) -> np.ndarray:
    """Places (N, K, 2) of every part that has a name, NaN where an image does not show it."""
    names = list(dict.fromkeys(name for each in places for name in each))
    if not names:
        raise InputError("found no part's position; expected COCO keypoints")
    missing = np.full(2, np.nan)
    return np.array([[each.get(name, missing) for name in names] for each in places])
