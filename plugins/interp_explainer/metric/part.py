"""Whether filters stand for object parts: location instability and overlap with part masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.errors import InputError
from interp.evaluation.bootstrap import estimate
from interp.evaluation.dissection import thresholds
from interp.metric import Measurement
from interp.params import Params
from interp_explainer.crop import main_object
from interp_explainer.look import Sight, sights
from interp_explainer.metric.instability import Over, by_filter, distances, hits
from interp_explainer.metric.rebuilding import ExplainerMetric, KnownParams
from interp_explainer.place import peak_points, to_input
from interp_explainer.survey import TOP

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset, Part
    from interp.model import ModelAdapter
    from interp_explainer.known import Known


class PartParams(KnownParams):
    """Whose filters."""

    of: Literal["explainer", "performer"] = Field(
        "explainer", description="the part filters, or channels of the network itself"
    )
    layer: str | None = Field(
        None, description="of=performer: their layer; default: the one that is explained"
    )

    def maps(self, known: Known, sight: Sight, masked: bool) -> np.ndarray:
        """Maps (F, h, w): the explainer's after ReLU and mask, or else the convolution's own."""
        if self.of == "explainer":
            found = sight.answer.encoded.parts if masked else sight.answer.encoded.raw
        elif self.place(known) == known.structure.layer:
            found = sight.maps
        else:
            model, layer = known.performer.model, self.place(known)
            found = model.activations(sight.image[None], [layer])[layer].float()
        maps: np.ndarray = found[0].cpu().numpy()
        return maps

    def place(self, known: Known) -> str:
        """The layer whose cells the maps have; the explainer keeps those it reads."""
        own = known.structure.layer
        return own if self.of == "explainer" else self.layer or own


class InstabilityParams(PartParams):
    """And over which images and parts."""

    of: Literal["explainer", "performer", "ideal"] = Field(  # type: ignore[assignment]
        "explainer",
        description="the part filters, channels of the network itself, or, as the least that can "
        "be reached, one filter glued to each part",
    )
    over: Over = Field("mean", description="all parts, or the one that each filter keeps to best")

    within: Literal["all", "class"] = Field(
        "all", description="all images as one class, or each filter's steadiest class"
    )


@dataclass(frozen=True)
class PartInstability(ExplainerMetric):
    """mean_f mean_k std over images of |p_k - mu_f| / diagonal of the network's input.

    mu_f is the largest cell before ReLU and mask; the 100 images with the highest peaks of those
    that show part k.
    """

    Params: ClassVar[type[Params]] = InstabilityParams

    params: InstabilityParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """With an interval over filters."""
        values = self.values(model, dataset, context)
        if not np.isfinite(values).all():
            raise InputError("found no part on two images or more; expected COCO keypoints")
        random = np.random.default_rng(context.seed)
        return estimate(values, random, "share of the diagonal", False)

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Each filter's, (F,)."""
        known = self.known(model)
        layer, size = model.layer(self.params.place(known)), model.spec.input.size
        peaks, scores, points, labels = [], [], [], []
        for sight in sights(known, dataset, context):
            if self.params.of != "ideal":
                maps = self.params.maps(known, sight, masked=False)
                peaks.append(peak_points(maps, layer, size))
                scores.append(maps.max((1, 2)))
            points.append({part.name: _centre(part, sight) for part in _parts(sight)})
            labels.append(sight.example.label)
        groups = np.zeros(len(labels)) if self.params.within == "all" else _groups(labels)
        parts = _table(points)
        if self.params.of == "ideal":
            apart, score = distances(parts, parts, size), np.ones(parts.shape[:2])
        else:
            apart, score = distances(np.stack(peaks), parts, size), np.stack(scores)
        return by_filter(apart, score, groups, self.params.over)


class OverlapParams(PartParams):
    """And from when on a part is hit."""

    top: float = Field(TOP, gt=0, lt=1, description="share of a filter's cells that is its region")
    least: float = Field(0.2, ge=0, lt=1, description="IoU above which a part is hit")


@dataclass(frozen=True)
class PartOverlap(ExplainerMetric):
    """mean_f max_k of the share of images with part k on which filter f's region hits it."""

    Params: ClassVar[type[Params]] = OverlapParams

    params: OverlapParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """With an interval over filters."""
        values = self.values(model, dataset, context)
        return estimate(values, np.random.default_rng(context.seed), "share of images")

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Each filter's, (F,)."""
        known = self.known(model)
        field = model.layer(self.params.place(known)).field
        seen = [
            (self.params.maps(known, sight, masked=True), sight.placement, _masks(sight))
            for sight in sights(known, dataset, context)
        ]
        limits = thresholds(np.stack([maps for maps, _, _ in seen]), self.params.top)
        found: dict[str, list[np.ndarray]] = {}
        for maps, placement, masks in seen:
            down, across = (placement.interpolation(a, maps.shape[1:], field) for a in (0, 1))
            regions = down @ maps @ across.T > limits[:, None, None]  # (F, h, w)
            for name, mask in masks.items():
                found.setdefault(name, []).append(hits(regions, mask, self.params.least))
        if not found:
            raise InputError(
                "found no mask of a part; expected COCO data with parts, e.g. creatures"
            )
        best: np.ndarray = np.max([np.mean(each, 0) for each in found.values()], 0)
        return best


def _parts(sight: Sight) -> tuple[Part, ...]:
    instance = main_object(sight.example)
    return () if instance is None else instance.parts


def _centre(part: Part, sight: Sight) -> np.ndarray:
    """A part's place (2,) as (y, x) in the network's input."""
    return to_input(np.array(part.centre[::-1]), sight.placement)


def _masks(sight: Sight) -> dict[str, np.ndarray]:
    """The masks (h, w) of parts at the network's input size."""
    found = {}
    for part in _parts(sight):
        if part.mask is not None and part.mask.any():
            wide = np.repeat(part.mask[..., None].astype(np.uint8) * 255, 3, 2)
            found[part.name] = sight.placement.to_input(wide, pad=0.0)[..., 0] > 0.5
    return found


def _table(points: list[dict[str, np.ndarray]]) -> np.ndarray:
    """Places (N, K, 2) of every part that has a name, NaN where an image does not show it."""
    names = list(dict.fromkeys(name for each in points for name in each))
    if not names:
        raise InputError("found no part's position; expected COCO keypoints")
    gone = np.full(2, np.nan)
    return np.array([[each.get(name, gone) for name in names] for each in points])


def _groups(labels: list[int | None]) -> np.ndarray:
    if None in labels:
        raise InputError("found images without a label; expected one each for within=class")
    return np.array(labels)
