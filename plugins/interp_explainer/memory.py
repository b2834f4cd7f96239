"""What the frozen network says of the training images, asked once instead of in every epoch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from interp_explainer.performer import Performer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from interp.context import Context
    from interp.training.samples import Samples

BATCH = 64
Answer = tuple["Tensor", tuple["Tensor", ...]]
"""F and the goals of one image."""


@dataclass(frozen=True, eq=False)
class RememberingPerformer(Performer):
    """Answers from memory where every image of a batch is known, and asks the model else."""

    answers: dict[bytes, Answer]

    def look(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        found = [self.answers.get(key) for key in _keys(images)]
        known = [each for each in found if each is not None]
        if len(known) < len(found):
            return super().look(images)
        maps, goals = zip(*known, strict=True)
        return torch.stack(maps), tuple(torch.stack(each) for each in zip(*goals, strict=True))


def remember(
    performer: Performer, learning: Samples, held: Samples, flip: bool, context: Context
) -> Performer:
    """The performer with a memory of all images, mirrored ones too if `flip`.

    On a CPU, if the answers fit the budget's memory; the performer itself elsewhere: an
    accelerator has them faster than a memory would. Asked in one order, so that a training that
    goes on has the same numbers.
    """
    passes = [(learning, False), *([(learning, True)] if flip else []), (held, False)]
    count = sum(len(samples) for samples, _ in passes)
    if performer.model.spec.device != "cpu" or count * _size(performer) > context.budget.memory:
        return performer
    answers: dict[bytes, Answer] = {}
    for images in _every(passes):
        context.out_of_time()
        context.progress("asking the network", len(answers), count)
        maps, goals = performer.look(images)
        rows = zip(maps.clone(), zip(*(each.clone() for each in goals), strict=True), strict=True)
        answers.update(zip(_keys(images), rows, strict=True))
    return RememberingPerformer(performer.model, performer.structure, answers)


def _every(passes: list[tuple[Samples, bool]]) -> Iterator[Tensor]:
    """RGB in [0, 1] (B, 3, h, w)."""
    for samples, mirrored in passes:
        for chosen in np.array_split(np.arange(len(samples)), -(-len(samples) // BATCH)):
            images = samples.images(chosen).float() / 255
            yield images.flip(3) if mirrored else images


def _keys(images: Tensor) -> list[bytes]:
    """Of each image's pixels as bytes, which they were before."""
    pixels = (images * 255).round().to(torch.uint8).cpu().numpy()
    return [hashlib.blake2b(each.tobytes(), digest_size=16).digest() for each in pixels]


def _size(performer: Performer) -> int:
    """Bytes of one image's answer."""
    structure = performer.structure
    cells = structure.channels * structure.grid[0] * structure.grid[1]
    for goal in structure.goals:
        height, width = goal.grid or (1, 1)
        cells += goal.channels * height * width
    return 4 * cells
