"""Images of an evaluation that are explained together, each with what is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from interp.dataset import Example
from interp.errors import InterpError
from interp.image_group import ImageGroup
from interp.model import ModelAdapter
from interp.session import Session
from interp.target import Target, index_text

PIXELS = 1_000_000
"""An image of more pixels is explained alone: a group's images and maps are in memory together."""


Case = tuple[Example, ModelAdapter, Target]
"""An image, the model as it scores that one, and the class that is explained."""


@dataclass(frozen=True, eq=False)
class Group:
    """Some images by their positions, and what methods say of them together."""

    cases: Mapping[int, Case]
    images: ImageGroup

    @classmethod
    def of(
        cls,
        session: Session,
        positions: list[int],
        read: Callable[[int], Case],
    ) -> Group:
        """The images at these positions that can be read, have a target, and are not large."""
        cases = {}
        for position in positions:
            try:
                case = read(position)
            except InterpError:  # told when it is this image's turn
                continue
            if math.prod(case[0].image.shape[:2]) <= PIXELS:
                cases[position] = case
        examples = {at: example for at, (example, _, _) in cases.items()}
        targets = {
            at: (index_text(target.index, model.spec.classes),)
            for at, (_, model, target) in cases.items()
        }
        return cls(cases, ImageGroup(session, examples, targets))
