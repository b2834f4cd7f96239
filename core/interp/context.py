"""What a run gives a method: seed, budget, progress, cancellation, partners, cache."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from interp.cluster.pool import Pool, ThisProcess
from interp.errors import Cancelled, InputError, TooLongError, UnsupportedError
from interp.memory import Memory
from interp.record import Plain

DAY, MEASURED = 86400.0, 3.0
"""Seconds of a day, and of work by which the rest is estimated."""
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
"""Seconds of a unit of time."""
Progress = Callable[[str, int, int | None], None]
"""progress(label, done, total), called often; total is None where it is not known."""


def no_progress(label: str, done: int, total: int | None) -> None:
    """No-op progress callback."""


def duration(seconds: float) -> str:
    """A duration in the largest unit that fits: `14 minutes`."""
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:,.0f} {word}s"
    count = max(1, round(seconds))
    return f"{count} second{'s' if count > 1 else ''}"


@dataclass
class WithinADay:
    """Progress callback that ends work which, at its speed so far, would take more than a day.

    Raises TooLongError once MEASURED seconds were seen of it.
    """

    progress: Progress
    begun: dict[str, tuple[float, int]] = field(default_factory=dict)
    """When each label was first seen, and how much was done then."""

    def __call__(self, label: str, done: int, total: int | None) -> None:
        self.progress(label, done, total)
        now = time.monotonic()
        begun, first = self.begun.setdefault(label, (now, done))
        if done <= first:
            self.begun[label] = (now, done)
        elif total is not None and now - begun >= MEASURED:
            left = (now - begun) / (done - first) * (total - done)
            if left > DAY:
                raise TooLongError(
                    f"{label}: {total:,} would take about {duration(left)} here; expected at most "
                    "a day; choose fewer, limit the time with --budget 1h, or add --yes"
                )


def never() -> bool:
    """Cancellation check that never cancels."""
    return False


def no_registry(kind: str, name: str) -> Any:
    """Lookup of a context that has no registry: always raises UnsupportedError."""
    raise UnsupportedError(
        f"the {kind} {name!r} is looked up by name, and this context has no registry; "
        "give it one: Context(lookup=Registry.load().get)"
    )


class Budget(Plain):
    """How much work a run may do, as Budget(samples=500) or Budget(seconds=60).

    Where a budget is expected, 500 and "60s" stand for these.
    """

    samples: int | None = Field(
        None, ge=1, description="number of samples (forward passes); none: the method's own default"
    )
    seconds: float | None = Field(None, ge=0, description="time limit in seconds; none: no limit")
    memory: int = Field(
        1 << 30, ge=1, description="bytes that one micro-batch and the cached scores may take"
    )
    batch_size: int | None = Field(
        None, ge=1, description="size of micro-batches; none: the fastest, found by measuring"
    )
    until: Literal["samples", "stable", "ranked"] = Field(
        "samples",
        description="when to stop: after the number of samples, as soon as the answer is stable, "
        "or as soon as its three largest parts are known",
    )
    shard: tuple[int, int] | None = Field(
        None, description="part i of n of the work, from 0, where several processes share it"
    )

    @model_validator(mode="before")
    @classmethod
    def _read_limit(cls, given: Any) -> Any:
        """A number of samples or a time alone as the limit that it is."""
        alone = isinstance(given, str) or hasattr(given, "__index__")
        return read_limit(str(given)) if alone and not isinstance(given, bool) else given


def read_limit(text: str) -> dict[str, int | float]:
    """`2000` samples or a time, `30s`, `2m` or `1h`, as a field of a budget."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)([smh]?)", text.strip())
    if not found or float(found[1]) <= 0 or not (found[2] or found[1].isdigit()):
        raise InputError(f"budget {text}: expected samples (2000) or time (30s, 2m, 1h)")
    if found[2]:
        return {"seconds": float(found[1]) * UNITS[found[2]]}
    return {"samples": int(found[1])}


@dataclass(frozen=True)
class Context:
    """What a method or metric is given for one run.

    for step in range(steps):
        if context.out_of_time():
            break
        context.progress("steps", step, steps)
    """

    seed: int = 0
    """Take all randomness from this seed, never from a global generator."""
    budget: Budget = field(default_factory=Budget)
    progress: Progress = no_progress
    cancelled: Callable[[], bool] = never
    """Whether the user asked to stop; out_of_time checks it."""
    checkpoint: Path | None = None
    """Folder for the progress of a long run, which the next run goes on from; None: keep none."""
    lookup: Callable[[str, str], Any] = no_registry
    """lookup(kind, name): a registered object. This is how plugins find each other."""
    pool: Pool = field(default_factory=ThisProcess)
    """Who does the pieces of a long fit; ask it to `map` them."""
    reopen: Callable[[], tuple[Any, Any, Context]] | None = None
    """Can be sent to a worker of the pool, and gives the fit's model, data set and context there;
    None where the pool is this process."""
    started: float = field(default_factory=time.monotonic)
    memory: Memory = field(default_factory=Memory)
    """Cache of the engine, shared by calls: measured batch sizes and the model's scores."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What a method keeps of its `scores` for its `explain`, in one run."""

    def samples(self, default: int) -> int:
        """The number of samples to take: the budget's, else this default of the method."""
        return default if self.budget.samples is None else self.budget.samples

    def out_of_time(self) -> bool:
        """Whether the time budget is spent. Raises Cancelled where the user asked to stop.

        Call it in every turn of a loop, so that a run can be stopped between two turns.
        """
        if self.cancelled():
            raise Cancelled("stopped on request; nothing was written")
        limit = self.budget.seconds
        return limit is not None and time.monotonic() - self.started >= limit

    stop = out_of_time
    """The earlier name of out_of_time, for packages that use it."""

    def within(self, label: str) -> Context:
        """The same context, with `label` in front of every progress label."""
        outer = self.progress
        return replace(self, progress=lambda at, done, total: outer(f"{label}: {at}", done, total))
