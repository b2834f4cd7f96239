"""What a method is given besides its arguments: seed, budget, progress, cancellation, partners."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from interp.errors import Cancelled, UnsupportedError
from interp.memory import Memory
from interp.spec import Plain

Progress = Callable[[str, int, int | None], None]
"""progress(label, done, total): told often; total None where unknown."""


def no_progress(label: str, done: int, total: int | None) -> None:
    """No-op progress callback."""


def never() -> bool:
    """Cancellation check of a run that nobody cancels."""
    return False


def no_registry(kind: str, name: str) -> Any:
    """Lookup of a context that was made without a registry; always raises UnsupportedError."""
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
    progress: Progress = no_progress
    cancelled: Callable[[], bool] = never
    checkpoint: Path | None = None
    """Folder where moments are kept while they grow; None keeps nothing."""
    lookup: Callable[[str, str], Any] = no_registry
    """lookup(kind, name): a registered object; how plugins find partners."""
    started: float = field(default_factory=time.monotonic)
    memory: Memory = field(default_factory=Memory)
    """What the engine remembers between calls: measured batch sizes, kept answers."""

    def samples(self, default: int) -> int:
        """The number of samples to take: the budget's, else the method's default."""
        return default if self.budget.samples is None else self.budget.samples

    def out_of_time(self) -> bool:
        """Whether the time budget is spent. Raises Cancelled when the user asked to stop.

        Loops ask this at every turn, so that a run can be stopped between two of them.
        """
        if self.cancelled():
            raise Cancelled("stopped on request; nothing was written")
        limit = self.budget.seconds
        return limit is not None and time.monotonic() - self.started >= limit

    stop = out_of_time
    """The earlier name of out_of_time, for packages that use it."""

    def within(self, label: str) -> Context:
        """The same surroundings with `label` in front of what progress is told."""
        tell = self.progress
        return replace(self, progress=lambda at, done, total: tell(f"{label}: {at}", done, total))
