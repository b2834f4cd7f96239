"""What a method is given besides its arguments: seed, budget, progress and the experiment."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from interp.errors import Cancelled, UnsupportedError
from interp.spec import Plain

if TYPE_CHECKING:
    from interp.design import Design, Subject
    from interp.method import Weighting
    from interp.moments import Moments
    from interp.target import Target

Progress = Callable[[str, int, int | None], None]
"""progress(label, done, total): told often; total None where unknown."""


def silent(label: str, done: int, total: int | None) -> None:
    """The progress of nobody looking."""


def alone(kind: str, name: str) -> Any:
    """The partners of a run without a registry: none."""
    raise UnsupportedError(
        f"the {kind} {name!r} is asked for by name, and this run knows no registry; "
        "give it one: Context(lookup=Registry.load().get)"
    )


class Budget(Plain):
    """How much work a run may do. None: the method's own measure, or no limit."""

    samples: int | None = None
    seconds: float | None = None
    memory: int = 1 << 30
    """Bytes that one micro-batch and the kept answers may take."""
    batch_size: int | None = None
    """A fixed micro-batch; None measures which is fastest."""
    until: Literal["samples", "stable"] = "samples"
    """When to stop: at the number of samples, or before it once the answer has settled."""
    shard: tuple[int, int] | None = None
    """Part i of n of the work, where several processes share it: (i, n), i from 0."""


@dataclass(frozen=True)
class Context:
    """One run's surroundings."""

    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    progress: Progress = silent
    cancelled: Callable[[], bool] = lambda: False
    checkpoint: Path | None = None
    """Folder where moments are kept while they grow; None keeps nothing."""
    lookup: Callable[[str, str], Any] = alone
    """lookup(kind, name): a registered object; how plugins find partners."""
    started: float = field(default_factory=time.monotonic)
    memory: dict[str, Any] = field(default_factory=dict)
    """What the engine remembers between calls: measured batch sizes, kept answers."""

    def samples(self, default: int) -> int:
        """The number of samples to take: the budget's, else the method's default."""
        return default if self.budget.samples is None else self.budget.samples

    def stop(self) -> bool:
        """True when the time budget is spent. Raises Cancelled when the user asked to stop."""
        if self.cancelled():
            raise Cancelled("stopped on request; nothing was written")
        limit = self.budget.seconds
        return limit is not None and time.monotonic() - self.started >= limit

    def within(self, label: str) -> Context:
        """The same surroundings with `label` in front of what progress is told."""
        tell = self.progress
        return replace(self, progress=lambda at, done, total: tell(f"{label}: {at}", done, total))

    def respond(self, subject: Subject, design: Design, output: str, count: int) -> Any:
        """Iterate chunk by chunk over the model's answers: see interp.respond.respond."""
        from interp.respond import respond

        return respond(self, subject, design, output, count)

    def accumulate(
        self,
        subject: Subject,
        design: Design,
        targets: Sequence[Target],
        weighting: Weighting,
        output: str,
        count: int,
        second_order: bool = True,
        settled: Callable[[Moments], bool] | None = None,
    ) -> Moments:
        """Moments of `count` answers; goes on from a checkpoint: see interp.respond.accumulate."""
        from interp.respond import accumulate

        return accumulate(
            self, subject, design, targets, weighting, output, count, second_order, settled
        )
