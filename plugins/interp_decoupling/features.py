"""A data set on its way through a decoupled model: codes, scores, and a layer's maps."""

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
    from interp_decoupling.known import Known


@dataclass(frozen=True, eq=False)
class Seen:
    """Samples, their paths, and which are classified rightly (N,)."""

    samples: Samples
    paths: Paths
    right: np.ndarray


def look(model: ModelAdapter, known: Known, dataset: Dataset, context: Context) -> Seen:
    """Paths and answers on a data set."""
    samples = labelled(model, dataset, context)
    codes, right = [], []
    for chosen, images in samples.batches(context, "looking at images"):
        codes.append(known.read(model, images))
        right.append(model.predict(images).argmax(1).cpu().numpy() == samples.labels[chosen])
    paths = Paths(np.concatenate(codes), samples.labels, known.filters)
    return Seen(samples, paths, np.concatenate(right))


def maps_of(model: ModelAdapter, samples: Samples, layer: str, context: Context) -> np.ndarray:
    """Gated maps (N, K, gh, gw) of a layer, rectified."""
    found = [
        model.activations(images, [layer])[layer].relu().cpu().numpy()
        for _, images in samples.batches(context, "reading maps")
    ]
    return np.concatenate(found)
