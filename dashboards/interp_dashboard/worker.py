"""Worker processes: a visitor's own model runs in one, under limits, and can be ended any moment.

`python -m interp_dashboard.worker DESCRIPTOR` is such a process: it does the tasks that it is sent
over the connection with that file descriptor, one after another.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, fields
from multiprocessing.connection import Connection
from pathlib import Path
from threading import BoundedSemaphore, Lock, Thread
from typing import Any, ClassVar

from interp.context import never
from interp.errors import Cancelled, InterpError, ModelError
from interp_dashboard.job import Job, Pace, Work
from interp_dashboard.session import registry

MEMORY = 4 << 30
"""Bytes that a process may take in addition to the libraries."""
LARGEST_FILE = 2 << 30
"""Bytes of the largest file that a process may write."""
SILENCE = 120.0
"""Seconds without progress after which a process is ended."""
PLACES = BoundedSemaphore(2)
"""Held by the jobs on visitors' own models, of which two run at a time."""

Task = Callable[[Job], Any]
"""What a process can be sent: it is pickled, and gets a job to report to."""


class Worker:
    """A process that does one task at a time. It is started when needed, and again after an end."""

    def __init__(self) -> None:
        self._busy = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], None] = lambda: None

    def do(self, task: Task, job: Job | None = None, silence: float = SILENCE) -> Any:
        """What the task returns; progress and results so far go to `job`.

        The process is ended when the job is cancelled, which raises Cancelled, and after `silence`
        seconds without progress. Raises ModelError if that happens or the task fails.
        """
        cancelled = never if job is None else job.cancelled
        with self._busy:
            try:
                return self._listen(self._send(task), job, silence, cancelled)
            except (EOFError, BrokenPipeError, ConnectionResetError) as error:
                code = None if self._process is None else self._process.wait(10)
                raise ModelError(
                    f"the process that ran the model ended with code {code}; a model may take at "
                    f"most {MEMORY >> 30} GB of memory here"
                ) from error
            finally:
                if self._process is None or self._process.poll() is not None:
                    self.close()

    def close(self) -> None:
        """End the process."""
        self._end()
        self._process = None

    def _send(self, task: Task) -> Connection:
        if self._process is None:
            ours, theirs = multiprocessing.Pipe()
            command = [sys.executable, "-m", __name__, str(theirs.fileno())]
            with theirs:
                self._process = subprocess.Popen(
                    command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
                )
            self._connection = ours
            self._end = weakref.finalize(self, _end, self._process, ours)
        self._connection.send(task)
        return self._connection

    def _listen(
        self,
        connection: Connection,
        job: Job | None,
        silence: float,
        cancelled: Callable[[], bool],
    ) -> Any:
        heard = time.monotonic()
        while True:
            if cancelled():
                self.close()
                raise Cancelled("stopped")
            if connection.poll(0.1):
                heard = time.monotonic()
                kind, value = connection.recv()
                if kind == "failed":
                    raise ModelError(value)
                if kind == "done":
                    return value
                if job is not None and kind == "shown":
                    job.show(value)
                elif job is not None:
                    vars(job.pace).update(value)
            elif time.monotonic() - heard > silence:
                self.close()
                raise ModelError(
                    f"the model did not answer within {silence:g} s and was stopped; choose a "
                    "smaller image or model, or run it on the command line"
                )


@dataclass(frozen=True)
class Isolated:
    """Work that is done in a process of its own."""

    work: Work
    turn: ClassVar[BoundedSemaphore] = PLACES

    def __call__(self, job: Job) -> None:
        """Do the work; the process ends with it."""
        worker = Worker()
        try:
            worker.do(self.work, job)
        finally:
            worker.close()


class _RemotePace(Pace):
    """Progress that is sent to the process where the page is."""

    connection: Connection

    def update(self, label: str, done: int, total: int | None) -> None:
        super().update(label, done, total)
        state = {each.name: getattr(self, each.name) for each in fields(Pace)}
        self.connection.send(("progress", state))


class _RemoteJob(Job):
    """The job that a task in this process reports to."""

    def __init__(self, task: Task, connection: Connection) -> None:
        super().__init__(task, pace=_RemotePace())
        self.pace.connection = self.connection = connection  # type: ignore[attr-defined]

    def show(self, result: Any) -> None:
        """Send a result."""
        self.connection.send(("shown", result))

    def rest(self) -> None:
        """Go on: the process has the processor to itself."""


def main(descriptor: int) -> None:
    """Do what is sent, until the connection is closed."""
    connection = Connection(descriptor)
    Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    registry().get("adapter", "onnx")  # libraries first, so that the limit is on the model alone
    _limit()
    while True:
        try:
            task: Task = connection.recv()
        except EOFError:
            return
        connection.send(_done(task, connection))


def _done(task: Task, connection: Connection) -> tuple[str, Any]:
    try:
        return "done", task(_RemoteJob(task, connection))
    except MemoryError:
        return "failed", f"the model needs more than {MEMORY >> 30} GB of memory"
    except InterpError as error:
        return "failed", str(error)
    except (Exception, SystemExit) as error:
        return "failed", f"{type(error).__name__}: {error}; this is a mistake of ours or a plugin's"


def _end(process: subprocess.Popen[bytes], connection: Connection) -> None:
    connection.close()
    process.kill()
    process.wait()


def _end_with(parent: int) -> None:
    """End this process when its parent is gone, whatever a model does."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _limit() -> None:
    """Limit the size of files and, on Linux, memory."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        taken = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    from interp_dashboard.worker import main as as_module

    as_module(int(sys.argv[1]))
