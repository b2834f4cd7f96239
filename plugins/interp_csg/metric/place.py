"""Localization by class filters on a data set with masks or boxes, in three ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from interp.dataset import TolerantReader
from interp.errors import InputError
from interp.evaluation.bootstrap import estimate
from interp.evaluation.dissection import thresholds
from interp.metric import Measurement
from interp.target import parse_target
from interp_csg.features import layer_of
from interp_csg.known import known_of
from interp_csg.metric.localization import (
    FilterOverlap,
    assign,
    busiest,
    gradient_mask,
    gradients,
    iou,
    top_mask,
)
from interp_csg.metric.measure import CsgMetric, LayerParams, Params
from interp_csg.structure import find_ending, weights_of

if TYPE_CHECKING:
    from torch import Tensor

    from interp.context import Context
    from interp.dataset import Dataset, Example
    from interp.model import ModelAdapter
    from interp.network.placement import Placement


@dataclass(frozen=True, eq=False)
class Sight:
    """An image (3, h, w) in [0, 1], its label, the object's mask (h, w), its maps (K, gh, gw)."""

    image: Tensor
    label: int
    mask: np.ndarray
    maps: np.ndarray
    placement: Placement


def sights(model: ModelAdapter, dataset: Dataset, layer: str, context: Context) -> Iterator[Sight]:
    """Every image with an object of its label's class; InputError where there is none."""
    classes = [parse_target(name, model.spec.classes).index for name in dataset.classes]
    seen = 0
    for index, example in TolerantReader(dataset).examples():
        context.out_of_time()
        context.progress("looking at objects", index + 1, len(dataset))
        shown = None if example is None else object_mask(example)
        if example is None or example.label is None or shown is None:
            continue
        seen += 1
        image, placement = model.prepare(example.image)
        wide = np.repeat(shown[..., None].astype(np.uint8) * 255, 3, 2)
        mask = placement.to_input(wide, pad=0.0)[..., 0] > 0.5
        maps = model.activations(image[None], [layer])[layer][0].float().cpu().numpy()
        yield Sight(image, classes[example.label], mask, maps, placement)
    if not seen:
        raise InputError(
            "found no image with a mask or box of its class; expected COCO annotations; "
            "interp data creatures writes some"
        )


def object_mask(example: Example) -> np.ndarray | None:
    """The objects of the label's class, (H, W) bool: masks, or boxes where there are none."""
    found = np.zeros(example.image.shape[:2], bool)
    members = [each for each in example.instances if each.label == example.label]
    for each in members:
        if each.mask is not None:
            found |= each.mask
        else:
            left, top, right, bottom = (round(side) for side in each.box)
            found[max(top, 0) : bottom, max(left, 0) : right] = True
    return found if found.any() else None


class ActivationParams(LayerParams):
    """Thresholds of the activation maps."""

    top: float = Field(0.3, gt=0, lt=1, description="share of a filter's activations that is lit")
    least: float = Field(0.3, ge=0, lt=1, description="IoU above which an image counts")


@dataclass(frozen=True)
class ActivationLocalization(CsgMetric):
    """ActivMap: share of images of its best class that a filter covers, mean over filters."""

    Params: ClassVar[type[Params]] = ActivationParams

    params: ActivationParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """With an interval over filters."""
        found = self.overlaps(model, dataset, context)
        return estimate(
            found.share, np.random.default_rng(context.seed), "share of the class's images"
        )

    def overlaps(self, model: ModelAdapter, dataset: Dataset, context: Context) -> FilterOverlap:
        """Each filter's best class and how well it covers it."""
        layer = layer_of(model, self.params.layer)
        seen = list(sights(model, dataset, layer, context))
        limits = thresholds(np.stack([each.maps for each in seen]), self.params.top)
        field = model.layer(layer).field
        rows = []
        for each in seen:
            vertical, horizontal = (
                each.placement.interpolation(axis, each.maps.shape[1:], field) for axis in (0, 1)
            )
            wide = vertical @ each.maps @ horizontal.T  # (K, h, w)
            rows.append(iou(wide >= limits[:, None, None], each.mask))
        return assign(np.stack(rows), np.array([each.label for each in seen]), self.params.least)


class GradientParams(LayerParams):
    """Thresholds of the gradient maps."""

    channels: int = Field(30, ge=1, description="busiest filters of a class that are looked at")
    sigma: float = Field(30.0, gt=0, description="blur in pixels of the network's input")
    least: float = Field(0.2, ge=0, lt=1, description="IoU from which an image counts")


@dataclass(frozen=True)
class GradientLocalization(CsgMetric):
    """GradMap: share of images whose object the class's busiest filters look at, on average."""

    Params: ClassVar[type[Params]] = GradientParams

    params: GradientParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """With an interval over images."""
        hit = self.overlaps(model, dataset, context) >= self.params.least
        return estimate(hit.astype(float), np.random.default_rng(context.seed))

    def overlaps(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Each image's IoU, mean over its class's filters, (N,)."""
        layer = layer_of(model, self.params.layer)
        seen = list(sights(model, dataset, layer, context))
        sums = np.stack([each.maps.sum((1, 2)) for each in seen])
        labels = np.array([each.label for each in seen])
        found = []
        for at, each in enumerate(seen):
            context.out_of_time()
            context.progress("gradients", at + 1, len(seen))
            filters = busiest(sums, labels, each.label, self.params.channels)
            slopes = gradients(model, each.image, layer, filters)
            masks = np.stack([gradient_mask(slope, self.params.sigma) for slope in slopes])
            found.append(iou(masks, each.mask).mean())
        return np.array(found)


class CamParams(LayerParams):
    """Thresholds of class activation maps."""

    top: float = Field(0.3, gt=0, lt=1, description="share of an image's pixels that is lit")
    least: float = Field(0.3, ge=0, lt=1, description="IoU above which an image counts")


@dataclass(frozen=True)
class CamLocalization(CsgMetric):
    """CAM: share of images whose object the map sum_k w_yk A_k of the true class covers."""

    Params: ClassVar[type[Params]] = CamParams

    params: CamParams

    def measure(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Measurement:
        """With an interval over images."""
        hit = self.overlaps(model, dataset, context) > self.params.least
        return estimate(hit.astype(float), np.random.default_rng(context.seed))

    def overlaps(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Each image's IoU, (N,)."""
        layer = layer_of(model, self.params.layer)
        weight, field = head_weights(model, layer), model.layer(layer).field
        found = []
        for each in sights(model, dataset, layer, context):
            cells = np.tensordot(weight[each.label], each.maps, 1)
            wide = each.placement.grid_to_input(cells, field)
            found.append(iou(top_mask(wide, self.params.top), each.mask))
        return np.array(found)


def head_weights(model: ModelAdapter, layer: str) -> np.ndarray:
    """The linear layer's weight (C, K): as CSG kept it, else from the model."""
    try:
        return known_of(model).weight
    except InputError:
        weight, _ = weights_of(model, find_ending(model, layer).linear)
        found: np.ndarray = weight.float().cpu().numpy()
        return found
