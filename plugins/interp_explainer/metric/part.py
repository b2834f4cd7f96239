"""Whether filters stand for object parts: location instability and overlap with part masks."""

from __future__ import annotations

from collections import defaultdict
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


class InstabilityParams(PartParams):
    """Parameters of PartInstability."""

    of: Literal["explainer", "performer", "ideal"] = Field(  # type: ignore[assignment]
        "explainer",
        description="the part filters, channels of the network itself, or, as the lower bound, one "
        "filter fixed to each part",
    )
    over: Over = Field(
        "mean", description="all parts, or the part with which each filter is most stable"
    )
    within: Literal["all", "class"] = Field(
        "all", description="all images as one class, or the class where each filter is most stable"
    )


@dataclass(frozen=True)
class PartInstability(SampleMetric):
    """mean_f mean_k std over images of |p_k - mu_f| / diagonal of the network's input.

    mu_f is filter f's largest cell before ReLU and mask, p_k the place of part k; over the 100
    images with the highest peaks of those that show part k.
    """

    Params: ClassVar[type[Params]] = InstabilityParams
    unit: ClassVar[str] = "share of the diagonal"
    higher_is_better: ClassVar[bool] = False

    params: InstabilityParams

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """The instability of each filter, (F,)."""
        explainer = TrainedExplainer.of(model, folder=self.params.knowledge)
        ideal = self.params.of == "ideal"
        layer, size = model.layer(self.params.map_layer(explainer)), model.spec.input.size
        peaks, scores, places, labels = [], [], [], []
        for each in explainer.run_all(dataset, context):
            if not ideal:
                maps = self.params.maps(explainer, each, masked=False)
                peaks.append(peak_points(maps, layer, size))
                scores.append(maps.max((1, 2)))
            centres = {part.name: np.array(part.centre[::-1]) for part in _parts(each)}
            places.append({name: to_input(at, each.placement) for name, at in centres.items()})
            labels.append(0 if self.params.within == "all" else each.example.label)
        if None in labels:
            raise InputError("found images without a label; expected one each for within=class")
        parts = _table(places)
        apart = distances(parts if ideal else np.stack(peaks), parts, size)
        score = np.ones(parts.shape[:2]) if ideal else np.stack(scores)
        values = by_filter(apart, score, np.array(labels), self.params.over)
        if not np.isfinite(values).all():
            raise InputError("found no part on two images or more; expected COCO keypoints")
        return values


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
    order = np.where(np.isnan(apart), np.inf, -score[:, :, None]).argsort(0, kind="stable")
    taken = np.ma.masked_invalid(np.take_along_axis(apart, order[:highest], 0))
    return np.asarray(taken.std(0, ddof=1).filled(np.nan))


def by_filter(
    apart: np.ndarray, score: np.ndarray, groups: np.ndarray, over: Over = "mean"
) -> np.ndarray:
    """Each filter's instability (F,) over its parts, in the group of images where it is smallest.

    groups (N,): one number for all images, or their classes, as the text says of several classes.
    Infinite where no part is seen twice.
    """
    found = []
    for group in np.unique(groups):
        each = np.ma.masked_invalid(instability(apart[groups == group], score[groups == group]))
        found.append((each.mean(1) if over == "mean" else each.min(1)).filled(np.inf))
    return np.asarray(np.min(found, 0))


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
