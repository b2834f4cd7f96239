"""Images that are explained together, for methods that take several at once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from interp.dataset import Example
from interp.errors import Cancelled, InterpError, OutputError
from interp.explanation import Explanation
from interp.request import Request
from interp.run_batch import run_batch
from interp.session import Session

SIZE = 16
"""Images of a group."""


@dataclass(frozen=True, eq=False)
class ImageGroup:
    """Images by their numbers, each with as many targets of its own, and what methods say of each.

    The same images are together whoever asks first, and whatever is known of some already.
    """

    session: Session
    examples: Mapping[int, Example]
    targets: Mapping[int, tuple[str, ...]]
    explained: dict[str, dict[int, Explanation | InterpError]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds that each method took for one image, on the average."""

    def explanation(self, request: Request, number: int) -> Explanation:
        """What the request's method says of an image.

        Raises the error with which it fails on the image.
        """
        name = request.method
        if name not in self.explained:
            begun = time.monotonic()
            found = self._explain(request)
            self.explained[name] = dict(zip(self.examples, found, strict=True))
            self.seconds[name] = (time.monotonic() - begun) / len(found)
        outcome = self.explained[name][number]
        if isinstance(outcome, InterpError):
            raise outcome
        return outcome

    def _explain(self, request: Request) -> list[Explanation | InterpError]:
        """What the method says of each image, or the error with which it fails on it."""
        targets = [self.targets[number] for number in self.examples]
        try:
            return run_batch(request, self.session, list(self.examples.values()), targets)
        except (Cancelled, OutputError):
            raise
        except InterpError as error:
            return [error] * len(self.examples)
