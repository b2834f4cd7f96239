"""The processes in which jobs work: kept for the next job, or made for a visitor's own model."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from interp.errors import Cancelled, ModelError
from interp_dashboard.job import Job, Work
from interp_dashboard.session import setting
from interp_dashboard.turn import Turns, usual_places
from interp_dashboard.worker import Task, Worker

LOG = logging.getLogger("interp.dashboard")
MEMORY = 2 << 30
"""Bytes of memory for each process."""
LEAST, MOST = 2, 8
"""Processes that may have begun a job, at the least and at the most; LEAST wait for jobs."""


class Pool:
    """Processes for jobs: `places` of them work at a time, and some wait for the next job."""

    def __init__(self, places: int, most: int) -> None:
        most = max(places, most)
        self.turns, self.spare = Turns(places, most), max(LEAST, most // 2)
        self._idle: list[Worker] = []
        self._first: Task = ready
        self._lock, self._warming = Lock(), Lock()

    def do(self, task: Task, job: Job, limited: bool) -> Any:
        """Do a task in a process, in turn with other jobs; raises what Worker.do raises.

        With `limited`, in a new process whose memory is bounded and that ends with the task.
        """
        with self.turns.turn(job):
            worker = Worker(limited=True) if limited else self._taken(job)
            try:
                return worker.do(task, job, turns=self.turns)
            finally:
                self._give_back(worker, limited)

    def warm(self, first: Task) -> None:
        """Let LEAST processes wait for jobs; each does `first` before, as do those that follow."""
        self._first = first
        self._prepare(LEAST)

    def close(self) -> None:
        """End the processes that wait."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _taken(self, job: Job) -> Worker:
        """A process that waits, or a new one where none waits and none is being prepared."""
        while True:
            with self._lock:
                found = self._idle.pop() if self._idle else None
            if found is not None:
                self._refill()
                return found
            if not self._warming.locked():
                return Worker()
            if job.cancelled():
                raise Cancelled("stopped while waiting")
            time.sleep(0.05)

    def _give_back(self, worker: Worker, limited: bool) -> None:
        alive = worker.alive
        if limited or not alive or not self._keep(worker):
            worker.close()
        if not limited:
            self._refill()

    def _refill(self) -> None:
        """Let LEAST processes wait, if as many jobs may begin: no job waits for libraries then."""
        wanted = min(LEAST, self.turns.room)
        if len(self._idle) < wanted and not self._warming.locked():
            Thread(target=self._prepare, args=[wanted], daemon=True).start()

    def _prepare(self, count: int) -> None:
        """Let at least `count` processes wait."""
        with self._warming:
            while len(self._idle) < count:
                worker = Worker()
                try:
                    worker.do(self._first)
                except ModelError as error:  # the next job starts a process, and tells of its end
                    LOG.info("no process could be prepared: %s", error)
                    return
                self._keep(worker)

    def _keep(self, worker: Worker) -> bool:
        """Let a process wait for the next job, if there is room."""
        with self._lock:
            room = len(self._idle) < self.spare
            if room:
                self._idle.append(worker)
            return room


def ready(_: Job) -> None:
    """Task that does nothing, for which a process has to be there."""


def _most() -> int:
    """Processes that this machine's memory holds."""
    held = Path("/proc/meminfo")
    if not held.exists():
        return LEAST
    found = dict(line.split(":", 1) for line in held.read_text().splitlines())
    return max(LEAST, min(MOST, int(found["MemAvailable"].split()[0]) * 1024 // MEMORY))


@cache
def pool() -> Pool:
    """The processes of this server."""
    return Pool(setting().workers or usual_places(), _most())


@dataclass(frozen=True)
class Isolated:
    """Work that is done in a process, `limited` where the model is a visitor's own."""

    work: Work
    limited: bool = True
    turn = None
    """The pool has its own turns."""

    def __call__(self, job: Job) -> None:
        """Do the work."""
        pool().do(self.work, job, self.limited)
