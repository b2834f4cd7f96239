"""Images of an evaluation that are explained together, for methods that take several at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from interp.dataset import Example
from interp.errors import Cancelled, InterpError, OutputError
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.request import Request
from interp.run_batch import run_batch
from interp.session import Session
from interp.target import Target, index_text

SIZE = 16
"""Images of a group."""
PIXELS = 1_000_000
"""An image of more pixels is explained alone: a group's images and maps are in memory together."""


Case = tuple[Example, ModelAdapter, Target]
"""An image, the model as it scores that one, and the class that is explained."""


@dataclass(frozen=True, eq=False)
class Group:
    """Some images by their positions, each with its target, and what methods say of each.

    The same images are together whoever asks first, and whatever is known of some already.
    """

    session: Session
    cases: Mapping[int, Case]
    explained: dict[str, dict[int, Explanation | InterpError]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds that each method took for one image, on the average."""

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
        return cls(session, cases)

    def explanation(self, request: Request, position: int) -> Explanation | None:
        """What the request's method says of an image; None of one that is not in the group.

        Raises the error with which it fails on the image.
        """
        if position not in self.cases:
            return None
        name = request.method
        if name not in self.explained:
            begun = time.monotonic()
            examples = [example for example, _, _ in self.cases.values()]
            targets = [
                (index_text(target.index, model.spec.classes),)
                for _, model, target in self.cases.values()
            ]
            try:
                found = run_batch(request, self.session, examples, targets)
            except (Cancelled, OutputError):
                raise
            except InterpError as error:
                found = [error] * len(examples)
            self.explained[name] = dict(zip(self.cases, found, strict=True))
            self.seconds[name] = (time.monotonic() - begun) / len(found)
        outcome = self.explained[name][position]
        if isinstance(outcome, InterpError):
            raise outcome
        return outcome
