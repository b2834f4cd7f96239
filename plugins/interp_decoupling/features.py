"""A data set on its way through a decoupled model: codes, scores, and a layer's maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.errors import InputError
from interp.target import parse_target
from interp.training.samples import Samples, gather
from interp_decoupling.path import Paths

if TYPE_CHECKING:
    from torch import Tensor

    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter
    from interp_decoupling.known import Known

BATCH = 64


@dataclass(frozen=True, eq=False)
class Seen:
    """Samples, their paths, and which are classified rightly (N,)."""

    samples: Samples
    paths: Paths
    right: np.ndarray


def gathered(model: ModelAdapter, dataset: Dataset, context: Context) -> Samples:
    """The data's labelled images, labels being the model's classes."""
    try:
        classes = [parse_target(name, model.spec.classes).index for name in dataset.classes]
    except InputError as error:
        raise InputError(f"the data's classes are not {model.spec.name}'s: {error}") from error
    return gather(model, dataset, classes, context)


def batches(
    model: ModelAdapter, samples: Samples, context: Context, what: str, size: int = BATCH
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """Rows (B,) and images (B, 3, h, w) in [0, 1] on the model's device."""
    for chosen in np.array_split(np.arange(len(samples)), -(-len(samples) // size)):
        context.stop()
        context.progress(what, int(chosen[-1]) + 1, len(samples))
        yield chosen, samples.images(chosen).to(model.spec.device).float() / 255


def look(model: ModelAdapter, known: Known, dataset: Dataset, context: Context) -> Seen:
    """Paths and answers on a data set."""
    samples = gathered(model, dataset, context)
    codes, right = [], []
    for chosen, images in batches(model, samples, context, "looking at images"):
        codes.append(known.read(model, images))
        right.append(model.predict(images).argmax(1).cpu().numpy() == samples.labels[chosen])
    paths = Paths(np.concatenate(codes), samples.labels, known.filters)
    return Seen(samples, paths, np.concatenate(right))


def maps_of(model: ModelAdapter, samples: Samples, layer: str, context: Context) -> np.ndarray:
    """Gated maps (N, K, gh, gw) of a layer, rectified."""
    found = [
        model.activations(images, [layer])[layer].relu().cpu().numpy()
        for _, images in batches(model, samples, context, "reading maps")
    ]
    return np.concatenate(found)
