"""Worker processes, in which jobs run: under limits those on visitors' own models.

`python -m interp_dashboard.worker DESCRIPTOR [limited]` is such a process: it does the tasks that
it is sent over the connection with that file descriptor, one after another.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import fields
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from interp.context import never
from interp.errors import Cancelled, InterpError, ModelError
from interp_dashboard.job import Job
from interp_dashboard.pace import Pace
from interp_dashboard.session import registry

if TYPE_CHECKING:
    from interp_dashboard.turn import Turns

MEMORY = 4 << 30
"""Bytes that a process may take in addition to the libraries."""
LARGEST_FILE = 2 << 30
"""Bytes of the largest file that a process may write."""
NICE = 10
"""How far the processes stand back behind the server, whose pages are to answer at once."""
SILENCE = 120.0
"""Seconds without progress after which a process is ended."""
PATIENCE = 1.5
"""Seconds within which a cancelled task must end before its process is ended."""
STOP, ENDS = "stop", ("done", "failed", "cancelled")
"""Sent to a process whose task is to end; sent by one whose task has ended."""

Task = Callable[[Job], Any]
"""What a process can be sent: it is pickled, and gets a job to report to."""


class Worker:
    """A process that does one task at a time. It is started when needed, and again after an end.

    With `limited`, its memory and the files that it writes are bounded.
    """

    def __init__(self, limited: bool = False) -> None:
        self._limited = limited
        self._busy = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], None] = lambda: None

    @property
    def alive(self) -> bool:
        """Whether the process is there, to be given the next task."""
        return self._process is not None and self._process.poll() is None

    def do(
        self,
        task: Task,
        job: Job | None = None,
        silence: float = SILENCE,
        turns: Turns | None = None,
    ) -> Any:
        """What the task returns; progress and results so far go to `job`.

        A job that is cancelled ends at its next step, or else with its process, which raises
        Cancelled. The process is ended after `silence` seconds without progress, where it is
        limited. Raises ModelError if that happens or the task fails. With `turns`, the process
        rests while others have theirs.
        """
        cancelled = never if job is None else job.cancelled
        with self._busy:
            try:
                return self._listen(self._send(task), job, silence, cancelled, turns)
            except (EOFError, OSError) as error:  # also where the server ends meanwhile
                code = None if self._process is None else self._process.wait(10)
                most = f"; a model may take at most {MEMORY >> 30} GB of memory here"
                raise ModelError(
                    f"the process that ran the model ended with code {code}"
                    f"{most if self._limited else ''}"
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
            limits = ["limited"] if self._limited else []
            command = [sys.executable, "-m", __name__, str(theirs.fileno()), *limits]
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
        turns: Turns | None,
    ) -> Any:
        heard, end = time.monotonic(), math.inf
        while True:
            if end == math.inf and cancelled():
                connection.send(STOP)
                end = time.monotonic() + PATIENCE
            if time.monotonic() > end:
                self.close()
                raise Cancelled("stopped")
            if turns is not None and job is not None and end == math.inf and turns.due(job):
                self._rest(turns, job)
                heard = time.monotonic()
            if connection.poll(0.1):
                heard = time.monotonic()
                kind, value = connection.recv()
                if kind in ENDS:
                    return _returned(kind, value)
                _pass_on(job, kind, value)
            elif self._limited and time.monotonic() - heard > silence:
                self.close()
                raise ModelError(
                    f"the model did not answer within {silence:g} s and was stopped; choose a "
                    "smaller image or model, or run it on the command line"
                )

    def _rest(self, turns: Turns, job: Job) -> None:
        """Hold the process while another job has its turn. Raises Cancelled, and ends it."""
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGSTOP)
        try:
            turns.pass_on(job)
        except Cancelled:
            self.close()
            raise
        process.send_signal(signal.SIGCONT)


def _returned(kind: str, value: Any) -> Any:
    """What a task returned; raises Cancelled or ModelError where it did not end well."""
    if kind == "cancelled":
        raise Cancelled(value)
    if kind == "failed":
        raise ModelError(value)
    return value


def _pass_on(job: Job | None, kind: str, value: Any) -> None:
    """Let a job show what its task in the other process shows."""
    if job is None:
        return
    if kind == "shown":
        job.show(value)
    else:
        vars(job.pace).update(value)


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

    def cancelled(self) -> bool:
        """Whether the job was asked to end."""
        if self.connection.poll():
            self.connection.recv()  # STOP: nothing else is sent to a process that works
            self.stop()
        return self.stopped

    def rest(self) -> None:
        """Go on, unless the job should end, which raises Cancelled."""
        if self.cancelled():
            raise Cancelled("stopped")


def main(descriptor: int, limited: bool) -> None:
    """Do what is sent, until the connection is closed."""
    connection = Connection(descriptor)
    if hasattr(os, "nice"):  # not on Windows
        os.nice(NICE)
    Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    registry().get("adapter", "onnx")  # libraries first, so that the limit is on the model alone
    if limited:
        _limit()
    while True:
        try:
            task: Task | str = connection.recv()
        except EOFError:
            return
        if not isinstance(task, str):  # STOP, of a task that had ended meanwhile
            connection.send(_done(task, connection))


def _done(task: Task, connection: Connection) -> tuple[str, Any]:
    try:
        return "done", task(_RemoteJob(task, connection))
    except MemoryError:
        return "failed", f"the model needs more than {MEMORY >> 30} GB of memory"
    except Cancelled as error:
        return "cancelled", str(error)
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

    as_module(int(sys.argv[1]), "limited" in sys.argv)
