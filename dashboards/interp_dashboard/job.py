"""Background jobs: progress, cancellation, and an end when the browser is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from interp.errors import Cancelled, InterpError
from interp_dashboard.pace import Pace

TURN = threading.Lock()
"""Held by the one job that works in this process: methods share opened models and processor."""
GRACE = 15 * 60.0
"""Seconds for which a job goes on without an open page, as on a laptop that was closed."""


@dataclass(eq=False)
class Job:
    """Runs `work` in a thread. `result` is the latest one shown, `version` counts them.

    `watched` says whether the visitor's browser is still connected; None where there is none.
    """

    work: Work
    watched: Callable[[], bool] | None = None
    result: Any = None
    version: int = 0
    error: str | None = None
    pace: Pace = field(default_factory=Pace)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _seen: float = field(default_factory=time.monotonic)
    _thread: threading.Thread | None = None
    _working: bool = False

    def start(self) -> Job:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="interp job", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask the job to end; it does at its next step."""
        self._stopped.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the job has ended; False if it has not within `seconds`."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.running

    @property
    def running(self) -> bool:
        """Whether the job works, or waits for its turn."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def stopped(self) -> bool:
        """Whether the job was asked to end."""
        return self._stopped.is_set()

    def cancelled(self) -> bool:
        """Whether the job should end: it was asked to, or its page was closed for GRACE seconds."""
        if self.watched is None or self.watched():
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > GRACE:
            self._stopped.set()
        return self.stopped

    def show(self, result: Any) -> None:
        """Publish a result in place of the one before."""
        self.result = result
        self.version += 1

    def rest(self) -> None:
        """Let another job work between two steps. Raises Cancelled if this one should end."""
        self._end_turn()
        time.sleep(0.05)
        self._take_turn()

    def _run(self) -> None:
        try:
            self._take_turn()
            self.work(self)
        except Cancelled:
            self._stopped.set()
        except InterpError as error:
            self.error = str(error)
        except (Exception, SystemExit) as error:
            self.error = f"{type(error).__name__}: {error}; this is a mistake of ours or a plugin's"
        finally:
            self._end_turn()

    def _take_turn(self) -> None:
        if self._turn is None:
            return
        while not self._turn.acquire(timeout=0.2):
            self.pace.update("waiting for another run to end", 0, None)
            if self.cancelled():
                raise Cancelled("stopped while waiting")
        self._working = True

    def _end_turn(self) -> None:
        if self._working:
            self._working = False
            self._turn.release()

    @property
    def _turn(self) -> Any:
        """What the job holds while it works: TURN, unless the work has its own `turn`, or None."""
        return getattr(self.work, "turn", TURN)


Work = Callable[[Job], None]
"""What a job does: it reports with `pace.update` and `show`, and obeys `cancelled` and `rest`."""
