"""A data set on its way through a decoupled model: paths, right answers, and a layer's maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.training.samples import Samples, labelled
from interp_decoupling.path import Paths

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter
    from interp_decoupling.knowledge import DecouplingKnowledge


@dataclass(frozen=True, eq=False)
class PathSamples:
    """Samples, their paths, and whether each one's class is right (N,)."""

    samples: Samples
    paths: Paths
    right: np.ndarray


def read_paths(
    model: ModelAdapter, learned: DecouplingKnowledge, dataset: Dataset, context: Context
) -> PathSamples:
    """Paths and answers on a data set's labelled images."""
    samples = labelled(model, dataset, context)
    codes, right = [], []
    for chosen, images in samples.batches(context, "looking at images"):
        codes.append(learned.codes(model, images))
        right.append(model.predict(images).argmax(1).cpu().numpy() == samples.labels[chosen])
    paths = Paths(np.concatenate(codes), samples.labels, learned.filters)
    return PathSamples(samples, paths, np.concatenate(right))


def maps_of(model: ModelAdapter, samples: Samples, layer: str, context: Context) -> np.ndarray:
    """Gated maps (N, K, gh, gw) of a layer, rectified."""
    found = [
        model.activations(images, [layer])[layer].relu().cpu().numpy()
        for _, images in samples.batches(context, "reading maps")
    ]
    return np.concatenate(found)
