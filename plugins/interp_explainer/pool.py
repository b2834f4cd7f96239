"""Images to learn from, without labels: where the data have some, they are left behind here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp.dataset import TolerantReader
from interp.errors import InputError
from interp.training.samples import Samples

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp.model import ModelAdapter

LEAST = 4
"""Images without which there is nothing to learn from and to hold out."""


def gather_images(model: ModelAdapter, dataset: Dataset, context: Context) -> Samples:
    """Every image that can be read, at the network's input size; all labels are 0."""
    import torch

    height, width = model.spec.input.size
    fits = len(dataset) * 3 * height * width <= context.budget.memory
    pixels = torch.empty(len(dataset), 3, height, width, dtype=torch.uint8) if fits else None
    reading = TolerantReader(dataset)
    places: list[int] = []
    for index, example in reading.examples():
        context.out_of_time()
        context.progress("reading images", index + 1, len(dataset))
        if example is None:
            continue
        if pixels is not None:
            ready, _ = model.prepare(example.image)
            pixels[len(places)] = (ready * 255).round().clamp(0, 255).to(torch.uint8).cpu()
        places.append(index)
    notes = tuple(reading.notes())
    if len(places) < LEAST:
        raise InputError(
            f"found {len(places)} images to learn from; expected {LEAST} or more; "
            f"{'; '.join(notes) or 'give more'}"
        )
    count = len(places)
    kept = None if pixels is None else pixels[:count]
    blank, rows = np.zeros(count, np.int64), np.arange(count)
    return Samples(model, dataset, np.array(places), blank, rows, kept, notes)
