"""Localization of the object by filters: by activations, gradients, and class activation maps.

All maps and masks are (h, w) at the network's input size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.dataset import Dataset, Example, TolerantReader
from interp.errors import InputError
from interp.evaluation.bootstrap import SampleMetric
from interp.evaluation.dissection import iou, maps_to_input, mask_to_input, thresholds
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp.training.recording import recording
from interp.training.samples import matched
from interp_csg.features import layer_of
from interp_csg.knowledge import CsgKnowledge
from interp_csg.metric.measure import LayerParams
from interp_csg.structure import find_ending, weights_of

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class LocatedImage:
    """An image (3, h, w) in [0, 1], its label, the object's mask (h, w), its maps (K, gh, gw)."""

    image: Tensor
    label: int
    mask: np.ndarray
    maps: np.ndarray
    placement: Placement


def located_images(
    model: ModelAdapter, dataset: Dataset, layer: str, context: Context
) -> Iterator[LocatedImage]:
    """Every image with an object of its label's class; InputError where there is none."""
    classes = matched(model, dataset)
    count = 0
    for index, example in TolerantReader(dataset).examples():
        context.out_of_time()
        context.progress("looking at objects", index + 1, len(dataset))
        mask = None if example is None else object_mask(example)
        if example is None or example.label is None or mask is None:
            continue
        count += 1
        image, placement = model.prepare(example.image)
        maps = model.activations(image[None], [layer])[layer][0].float().cpu().numpy()
        inside = mask_to_input(mask, placement) > 0.5
        yield LocatedImage(image, classes[example.label], inside, maps, placement)
    if not count:
        raise InputError(
            "found no image with a mask or box of its class; expected COCO annotations; "
            "interp data creatures writes some"
        )


def object_mask(example: Example) -> np.ndarray | None:
    """The objects of the label's class, (H, W) bool: masks, or boxes where there are none."""
    found = np.zeros(example.image.shape[:2], bool)
    for each in example.instances:
        if each.label != example.label:
            continue
        if each.mask is not None:
            found |= each.mask
        else:
            left, top, right, bottom = (round(side) for side in each.box)
            found[max(top, 0) : bottom, max(left, 0) : right] = True
    return found if found.any() else None


class ActivationParams(LayerParams):
    """Thresholds for activation maps."""

    top: float = Field(
        0.3, gt=0, lt=1, description="share of a filter's activations to count as active"
    )
    least: float = Field(0.3, ge=0, lt=1, description="IoU above which an image counts")


@dataclass(frozen=True)
class ActivationLocalization(SampleMetric):
    """ActivMap: share of images of its best class that a filter covers, mean over filters."""

    Params = ActivationParams
    unit = "share of the class's images"

    params: ActivationParams

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Each filter's share, (K,)."""
        return self.overlaps(model, dataset, context).share

    def overlaps(self, model: ModelAdapter, dataset: Dataset, context: Context) -> FilterOverlap:
        """Each filter's best class and how well it covers that."""
        layer = layer_of(model, self.params.layer)
        images = list(located_images(model, dataset, layer, context))
        limits = thresholds(np.stack([each.maps for each in images]), self.params.top)
        field = model.layer(layer).field
        rows = [
            iou(maps_to_input(each.maps, each.placement, field) >= limits[:, None, None], each.mask)
            for each in images
        ]
        labels = np.array([each.label for each in images])
        return assign(np.stack(rows), labels, self.params.least)


@dataclass(frozen=True, eq=False)
class FilterOverlap:
    """Each filter's best class, share of that class's images covered and mean IoU, (K,) each."""

    share: np.ndarray
    overlap: np.ndarray
    label: np.ndarray


def assign(overlap: np.ndarray, labels: np.ndarray, least: float) -> FilterOverlap:
    """The class on whose images each filter's IoU (N, K) exceeds `least` most often."""
    present = np.unique(labels)
    shares = np.stack([(overlap[labels == label] > least).mean(0) for label in present])
    means = np.stack([overlap[labels == label].mean(0) for label in present])
    best = shares.argmax(0)
    every = np.arange(overlap.shape[1])
    return FilterOverlap(shares[best, every], means[best, every], present[best])


class GradientParams(LayerParams):
    """Thresholds for gradient maps."""

    channels: int = Field(30, ge=1, description="most active filters of a class to measure")
    sigma: float = Field(30.0, gt=0, description="blur in pixels of the network's input")
    least: float = Field(0.2, ge=0, lt=1, description="IoU from which an image counts")


@dataclass(frozen=True)
class GradientLocalization(SampleMetric):
    """GradMap: share of images whose object the class's most active filters respond to."""

    Params = GradientParams

    params: GradientParams

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Whether each image's IoU reaches the limit."""
        return (self.overlaps(model, dataset, context) >= self.params.least).astype(float)

    def overlaps(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Each image's IoU, mean over its class's filters, (N,)."""
        layer = layer_of(model, self.params.layer)
        images = list(located_images(model, dataset, layer, context))
        sums = np.stack([each.maps.sum((1, 2)) for each in images])
        labels = np.array([each.label for each in images])
        found = []
        for at, each in enumerate(images):
            context.out_of_time()
            context.progress("gradients", at + 1, len(images))
            filters = busiest(sums, labels, each.label, self.params.channels)
            slopes = gradients(model, each.image, layer, filters)
            masks = np.stack([gradient_mask(slope, self.params.sigma) for slope in slopes])
            found.append(iou(masks, each.mask).mean())
        return np.array(found)


def busiest(features: np.ndarray, labels: np.ndarray, label: int, count: int) -> np.ndarray:
    """The filters (F,) with the largest mean activation on a class's images."""
    return np.argsort(-features[labels == label].mean(0), kind="stable")[:count]


def gradient_mask(gradient: np.ndarray, sigma: float) -> np.ndarray:
    """Pixels (h, w) where a filter's gradient (3, h, w) is large.

    Its norm over RGB, divided by the root mean square and blurred by a Gaussian, is above 1.
    """
    import cv2

    norm = np.linalg.norm(gradient, axis=0)
    scaled = norm / max(float(np.sqrt(np.square(norm).mean())), 1e-30)
    side = 2 * round(sigma) + 1
    return np.asarray(cv2.GaussianBlur(scaled.astype(np.float32), (side, side), sigma) > 1)


def gradients(model: ModelAdapter, image: Tensor, layer: str, filters: np.ndarray) -> np.ndarray:
    """d mean_ij A_k(i, j) / d image, (F, 3, h, w), of one image (3, h, w) in [0, 1]."""
    import torch

    with recording({layer: model.module().get_submodule(layer)}) as calls:
        pixels = image[None].clone().requires_grad_()
        model.forward(pixels)
    means = calls[layer][0].output.float().mean((2, 3))[0]
    rows = [
        torch.autograd.grad(means[int(each)], pixels, retain_graph=True)[0][0] for each in filters
    ]
    return torch.stack(rows).cpu().numpy()


class CamParams(LayerParams):
    """Thresholds for class activation maps."""

    top: float = Field(0.3, gt=0, lt=1, description="share of an image's pixels to count as active")
    least: float = Field(0.3, ge=0, lt=1, description="IoU above which an image counts")


@dataclass(frozen=True)
class CamLocalization(SampleMetric):
    """CAM: share of images whose object the map sum_k w_yk A_k of the true class covers."""

    Params = CamParams

    params: CamParams

    def values(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Whether each image's IoU exceeds the limit."""
        return (self.overlaps(model, dataset, context) > self.params.least).astype(float)

    def overlaps(self, model: ModelAdapter, dataset: Dataset, context: Context) -> np.ndarray:
        """Each image's IoU, (N,)."""
        layer = layer_of(model, self.params.layer)
        weight, field = head_weights(model, layer), model.layer(layer).field
        found = []
        for each in located_images(model, dataset, layer, context):
            cells = np.tensordot(weight[each.label], each.maps, 1)
            wide = each.placement.grid_to_input(cells, field)
            found.append(iou(top_mask(wide, self.params.top), each.mask))
        return np.array(found)


def top_mask(values: np.ndarray, top: float) -> np.ndarray:
    """The `top` share of a map's largest pixels, (h, w) bool; of equal ones the first."""
    best = np.argsort(-values, axis=None, kind="stable")[: round(top * values.size)]
    found = np.zeros(values.size, bool)
    found[best] = True
    return found.reshape(values.shape)


def head_weights(model: ModelAdapter, layer: str) -> np.ndarray:
    """The linear layer's weight (C, K), from CSG's knowledge or else from the model."""
    try:
        return CsgKnowledge.of(model).weight
    except InputError:
        weight, _ = weights_of(model, find_ending(model, layer).linear)
        return np.asarray(weight.float().cpu().numpy())
