"""Whether filters light the object: by gradients, by activations, and by class activation maps.

All maps and masks are (h, w) at the network's input size. IoU is sum min / sum max.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of masks (..., h, w) bool; 0 where both are empty."""
    both = (first & second).sum((-2, -1))
    found: np.ndarray = both / np.maximum((first | second).sum((-2, -1)), 1)
    return found


def busiest(features: np.ndarray, labels: np.ndarray, label: int, count: int) -> np.ndarray:
    """The filters (F,) with the largest mean activation on a class's images."""
    return np.argsort(-features[labels == label].mean(0), kind="stable")[:count]


def gradient_mask(gradient: np.ndarray, sigma: float) -> np.ndarray:
    """Where a filter's gradient (3, h, w) is large: its norm over RGB, over its root mean square,
    blurred by a Gaussian that reaches to sigma; above 1.
    """
    import cv2

    norm = np.linalg.norm(gradient, axis=0)
    scaled = norm / max(float(np.sqrt(np.square(norm).mean())), 1e-30)
    side = 2 * round(sigma) + 1
    found: np.ndarray = cv2.GaussianBlur(scaled.astype(np.float32), (side, side), sigma) > 1
    return found


def gradients(model: ModelAdapter, image: Tensor, layer: str, filters: np.ndarray) -> np.ndarray:
    """d mean_ij A_k(i, j) / d image, (F, 3, h, w), of one image (3, h, w) in [0, 1]."""
    import torch

    taken: list[Tensor] = []
    handle = (
        model.module()
        .get_submodule(layer)
        .register_forward_hook(lambda _, __, output: taken.append(output))
    )
    try:
        pixels = image[None].clone().requires_grad_()
        model.forward(pixels)
    finally:
        handle.remove()
    means = taken[0].float().mean((2, 3))[0]
    rows = [
        torch.autograd.grad(means[int(each)], pixels, retain_graph=True)[0][0] for each in filters
    ]
    return torch.stack(rows).cpu().numpy()


@dataclass(frozen=True, eq=False)
class FilterOverlap:
    """Of each filter, all (K,): share of its best class's images it covers, mean IoU, the class."""

    share: np.ndarray
    overlap: np.ndarray
    label: np.ndarray


def assign(overlap: np.ndarray, labels: np.ndarray, least: float) -> FilterOverlap:
    """The class on whose images a filter's IoU exceeds `least` most often; overlap (N, K)."""
    present = np.unique(labels)
    shares = np.stack([(overlap[labels == label] > least).mean(0) for label in present])
    means = np.stack([overlap[labels == label].mean(0) for label in present])
    best = shares.argmax(0)
    every = np.arange(overlap.shape[1])
    return FilterOverlap(shares[best, every], means[best, every], present[best])


def top_mask(values: np.ndarray, top: float) -> np.ndarray:
    """The `top` share of a map's pixels, (h, w) bool; of equal ones the first."""
    best = np.argsort(-values, axis=None, kind="stable")[: round(top * values.size)]
    found = np.zeros(values.size, bool)
    found[best] = True
    return found.reshape(values.shape)
