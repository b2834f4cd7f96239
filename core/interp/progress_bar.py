"""Progress as a bar in a terminal, as a line in a notebook, and as lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from interp.context import Progress, no_progress
from interp.plain_text import visible

if TYPE_CHECKING:
    from rich.progress import TaskID

PAUSE, LOG_PAUSE, COMMAND_PAUSE = 0.2, 10.0, 60.0
"""Seconds between two changes of a notebook's line, two lines of a log, and of a command's log."""


def shown_progress(wanted: bool | Progress) -> AbstractContextManager[Progress]:
    """The progress callback that a caller wants: none, its own, or a bar where it looks.

    That is a terminal, a notebook, or else what standard error is written to.
    """
    if callable(wanted):
        return nullcontext(wanted)
    if not wanted:
        return nullcontext(no_progress)
    if sys.stderr.isatty():
        return progress_bar()
    return nullcontext(Lines(LOG_PAUSE) if _notebook() is None else Lines(PAUSE, _notebook()))


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress callback that draws one bar for each label while the block runs, on a terminal.

    Elsewhere, as in the log of a cluster's job, work of over a minute writes a line every minute.
    """
    if not sys.stderr.isatty():
        yield Lines(COMMAND_PAUSE, last=time.monotonic(), quiet=True)
        return
    from rich import progress as bar
    from rich.console import Console
    from rich.text import Text

    class Speed(bar.ProgressColumn):
        def render(self, task: bar.Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f}/s")

    looks = (
        bar.TextColumn("{task.description}", markup=False),
        bar.BarColumn(),
        bar.MofNCompleteColumn(separator=" of "),
        Speed(),
        bar.TimeRemainingColumn(),
    )
    with bar.Progress(*looks, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(label: str, done: int, total: int | None) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(visible(label), total=total)
            bars.update(tasks[label], completed=done, total=total)

        yield show


@dataclass
class Lines:
    """Progress callback that writes `label: 30 of 100` every `pause` seconds, and at the end.

    In a notebook, `shown` is the line there, which is changed; without it each is printed.
    """

    pause: float
    shown: Any = None
    last: float = field(default_factory=lambda: float("-inf"))
    quiet: bool = False
    """Whether the end is not written of work that is done before its first line is due."""

    def __call__(self, label: str, done: int, total: int | None) -> None:
        if time.monotonic() - self.last < self.pause and (self.quiet or done != total):
            return
        self.last, self.quiet = time.monotonic(), False
        share = "" if not total else f" {'█' * (20 * done // total):·<20}"
        line = f"{visible(label)}:{share} {done:,}{'' if total is None else f' of {total:,}'}"
        if self.shown is None:
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - it was asked for
        else:
            self.shown.update({"text/plain": line}, raw=True)


def _notebook() -> Any:
    """A new line in the notebook that runs this; None outside of one."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    return display({"text/plain": ""}, raw=True, display_id=True)
