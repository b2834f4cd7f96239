"""The real images of a data set: what they reach, and the statistics that pictures share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.context import Context
from interp.dataset import Dataset, Example, TolerantReader
from interp.errors import InputError
from interp_dream.image_statistics import Statistics
from interp_dream.params import DreamParams
from interp_dream.probe import Objective, Of, Probe

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 16
"""Images in one pass."""
SAMPLED = 100
"""Most images that the statistics are taken of."""
NOISE = 16
"""Images of noise that pictures are compared with."""


@dataclass(frozen=True, eq=False)
class RealImages:
    """What each image of the data reaches: channels (N, C) and classes (N, K)."""

    dataset: Dataset
    index: np.ndarray
    """The images' indices in the data, (N,)."""
    values: dict[Of, np.ndarray]
    statistics: Statistics
    notes: tuple[str, ...]

    @classmethod
    def read(
        cls, probe: Probe, dataset: Dataset, params: DreamParams, context: Context
    ) -> RealImages:
        """The first params.looked_at images that can be read; InputError where there is none."""
        import torch

        reader = TolerantReader(dataset)
        order = range(min(params.looked_at, len(dataset)))
        index: list[int] = []
        sample: list[Tensor] = []
        found: list[dict[Of, np.ndarray]] = []
        for batch in _batches(reader, order, context):
            pixels = torch.stack([probe.model.prepare(each.image)[0] for _, each in batch])
            index += [at for at, _ in batch]
            found.append(probe.measure(pixels))
            sample += list(pixels[: SAMPLED - len(sample)])
        if not found:
            raise InputError(f"none of {len(order)} images can be read; give a folder of images")
        of: tuple[Of, ...] = ("channels", "classes")
        values = {name: np.concatenate([each[name] for each in found]) for name in of}
        statistics = Statistics.of(torch.stack(sample), params.decay)
        return cls(dataset, np.array(index), values, statistics, tuple(reader.notes()))

    def scores(self, objective: Objective) -> np.ndarray:
        """The objective's score of every image, (N,)."""
        return np.asarray(self.values[objective.of] @ objective.direction)

    def best(self, objective: Objective) -> np.ndarray:
        """The original image that reaches most, (H, W, C)."""
        return self.dataset[int(self.index[self.scores(objective).argmax()])].image

    def varied(self, most: int) -> list[int]:
        """The channels that differ most from image to image, by standard deviation."""
        spread = self.values["channels"].std(0)
        return [int(each) for each in np.argsort(-spread, kind="stable")[:most]]


def noise(probe: Probe, random: np.random.Generator) -> dict[Of, np.ndarray]:
    """What images of independent uniform pixels reach, as Probe.measure gives it."""
    spec = probe.model.spec.input
    values = random.random((NOISE, spec.channels, *spec.size), np.float32)
    return probe.measure(probe.model.to_device(values))


def _batches(
    reader: TolerantReader, order: range, context: Context
) -> Iterator[list[tuple[int, Example]]]:
    """Readable examples with their indices, some at a time."""
    batch: list[tuple[int, Example]] = []
    for done, (index, example) in enumerate(reader.examples(order), 1):
        context.out_of_time()
        context.progress("looking at images", done, len(order))
        if example is not None:
            batch.append((index, example))
        if batch and (len(batch) == BATCH or done == len(order)):
            yield batch
            batch = []
