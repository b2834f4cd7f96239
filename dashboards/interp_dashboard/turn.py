"""Fair turns: few jobs work at a time, each for a slice of time while others wait."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from interp.errors import Cancelled
from interp_dashboard.job import Job

SLICE = 2.0
"""Seconds that a job works before one that waits has its turn."""
SHORT = 5
"""Slices within which a job counts as short: who has worked for fewer goes before the others."""
CORES = 2
"""Processor cores for each job that works."""


def usual_places() -> int:
    """Jobs that work at a time on this machine."""
    return max(1, (os.cpu_count() or 1) // CORES)


class Turns:
    """Places for jobs, of which `places` work at a time and `most` have begun.

    Who has worked for fewer slices goes first, until all have worked for SHORT of them: a short job
    waits for one slice of a long one and then works to its end, and no long one is put off for
    more than a short one's time.
    """

    def __init__(self, places: int, most: int) -> None:
        self.places, self.most = places, most
        self._changed = Condition()
        self._begun: dict[Job, float] = {}
        """Seconds for which each job has worked in its turns so far."""
        self._working: dict[Job, float] = {}
        """Since when each job works in its present turn."""
        self._waiting: list[Job] = []

    @property
    def room(self) -> int:
        """How many more jobs may begin."""
        return self.most - len(self._begun)

    @contextmanager
    def turn(self, job: Job) -> Iterator[None]:
        """Wait for a turn; it is over with the block. Raises Cancelled if the job should end."""
        try:
            self._take(job)
            yield
        finally:
            with self._changed:
                self._working.pop(job, None)
                self._begun.pop(job, None)
                self._changed.notify_all()

    def due(self, job: Job) -> bool:
        """Whether the job has worked for a slice, and another one would take its place."""
        with self._changed:
            if job not in self._working or self._turn_so_far(job) < SLICE:
                return False
            waiting = next(filter(self._may_begin, self._waiting), None)
            return waiting is not None and self._slices(waiting) <= self._slices(job)

    def pass_on(self, job: Job) -> None:
        """Let another job work, and wait for the next turn. Raises Cancelled as `turn` does."""
        with self._changed:
            self._begun[job] += self._turn_so_far(job)
            del self._working[job]
        self._take(job)

    def _take(self, job: Job) -> None:
        with self._changed:
            self._waiting.append(job)
            self._waiting.sort(key=self._slices)  # stable: else in their order
            self._changed.notify_all()
            try:
                while job is not self._next():
                    before = self._waiting.index(job)
                    job.pace.update(_told(before, job in self._begun), 0, None)
                    self._changed.wait(0.2)
                    if job.cancelled():
                        raise Cancelled("stopped while waiting")
                self._begun.setdefault(job, 0.0)
                self._working[job] = time.monotonic()
            finally:
                self._waiting.remove(job)
                self._changed.notify_all()

    def _turn_so_far(self, job: Job) -> float:
        return time.monotonic() - self._working[job]

    def _slices(self, job: Job) -> int:
        """Slices for which a job has worked, of which no more than SHORT count."""
        worked = self._begun.get(job, 0.0)
        if job in self._working:
            worked += self._turn_so_far(job)
        return min(int(worked // SLICE), SHORT)

    def _next(self) -> Job | None:
        if len(self._working) >= self.places:
            return None
        return next(filter(self._may_begin, self._waiting), None)

    def _may_begin(self, job: Job) -> bool:
        return job in self._begun or self.room > 0


def _told(before: int, begun: bool) -> str:
    what = "another run has its turn" if begun else "waiting for your turn"
    if not before:
        return f"{what}; yours is the next"
    return f"{what}; {before} run{'s' if before > 1 else ''} before yours"
