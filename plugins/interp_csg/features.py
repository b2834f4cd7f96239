"""Features and scores of a data set's labelled images, computed in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.training.samples import labelled
from interp_csg.knowledge import CsgKnowledge

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Features:
    """Each map's mean (N, K), labels (N,) as the model's classes, scores (N, C)."""

    values: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether the class of the highest score is the label, (N,) bool."""
        return np.asarray(self.scores.argmax(1) == self.labels)


def read_features(
    model: ModelAdapter, dataset: Dataset, context: Context, layer: str | None = None
) -> Features:
    """Features of a data set at a layer."""
    samples, name = labelled(model, dataset, context), layer_of(model, layer)
    values, scores = [], []
    for _, images in samples.batches(context, "looking at images"):
        values.append(means(model, images, name))
        scores.append(model.predict(images).cpu().numpy())
    return Features(np.concatenate(values), samples.labels, np.concatenate(scores))


def means(model: ModelAdapter, images: Tensor, layer: str) -> np.ndarray:
    """Each map's mean over its cells, (B, K); images (B, 3, h, w) in [0, 1]."""
    maps = model.activations(images, [layer])[layer]
    return np.asarray(maps.float().mean((2, 3)).cpu().numpy())


def layer_of(model: ModelAdapter, layer: str | None) -> str:
    """The layer named, else the one CSG gated, else the model's last maps."""
    if layer is not None:
        return model.layer(layer).name
    try:
        return CsgKnowledge.of(model).layer
    except InputError:
        return model.maps()[-1].name
