"""An explainer's maps on a data set, gathered in one pass for survey and measures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp.dataset import TolerantReader
from interp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from interp.context import Context
    from interp.dataset import Dataset, Example
    from interp.network.placement import Placement
    from interp_explainer.known import Known
    from interp_explainer.network import Rebuilt


@dataclass(frozen=True, eq=False)
class Sight:
    """One image's number, what is known of it, its place in the input, the answer, the goals x*."""

    index: int
    example: Example
    placement: Placement
    image: Tensor
    maps: Tensor
    goals: tuple[Tensor, ...]
    answer: Rebuilt

    @property
    def parts(self) -> np.ndarray:
        """The part maps (C, h, w)."""
        found: np.ndarray = self.answer.encoded.parts[0].cpu().numpy()
        return found


def sights(
    known: Known, dataset: Dataset, context: Context, most: int | None = None
) -> Iterator[Sight]:
    """Every image that can be read, cut as the explainer is used to; InputError for none."""
    data = known.seen(dataset)
    count = len(data) if most is None else min(most, len(data))
    reading, seen = TolerantReader(data), 0
    for index, example in reading.examples(range(count)):
        context.out_of_time()
        context.progress("looking at images", index + 1, count)
        if example is None:
            continue
        seen += 1
        image, placement = known.performer.model.prepare(example.image)
        yield Sight(index, example, placement, image, *known.look(image[None]))
    if not seen:
        raise InputError(f"found no image that can be used; {'; '.join(reading.notes())}")
