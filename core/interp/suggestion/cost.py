"""What a method costs here: it is run on one image for a few seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from interp.context import Progress, duration
from interp.errors import Cancelled, InterpError, OutputError
from interp.request import Request
from interp.run import run
from interp.session import Session


@dataclass(frozen=True)
class Cost:
    """Seconds that a method takes for an image, or why it cannot be run on it."""

    seconds: float | None = None
    measured: bool = True
    """Whether it was run to its end; otherwise the seconds are extrapolated from a part."""
    refusal: str | None = None

    def __str__(self) -> str:
        """The cost in words."""
        if self.seconds is None:
            return f"cannot be run: {self.refusal}"
        return f"{'' if self.measured else 'about '}{duration(self.seconds)} here"


@dataclass
class LeastDone:
    """Progress callback that remembers how much of each label was done last."""

    progress: Progress
    shares: dict[str, float] = field(default_factory=dict)

    def __call__(self, label: str, done: int, total: int | None) -> None:
        self.progress(label, done, total)
        if total:
            self.shares[label] = done / total

    @property
    def share(self) -> float:
        """The share of the work that was done: that of the label with the least."""
        return min(self.shares.values(), default=1.0)


def measure_cost(
    request: Request, session: Session, seconds: float, images: Sequence[Any] | None = None
) -> Cost:
    """Run a request for at most about `seconds`, and say what the whole would take.

    `images` take the place of the request's. A method that ends early when its time is spent is
    extrapolated from the share that it did.
    """
    done = LeastDone(session.progress)
    budget = request.budget.model_copy(update={"seconds": seconds})
    begun = time.monotonic()
    try:
        session = replace(session, progress=done)
        run(request.model_copy(update={"budget": budget}), session, images=images)
    except (Cancelled, OutputError):
        raise
    except InterpError as error:
        return Cost(refusal=str(error))
    spent = time.monotonic() - begun
    share = done.share if spent >= seconds else 1.0
    return Cost(spent / max(share, 1e-3), share == 1.0)
