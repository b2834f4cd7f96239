"""A progress bar on stderr where somebody looks, and nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

    from interp.context import Progress


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A Progress that draws one bar per label while the block runs."""
    if not sys.stderr.isatty():
        from interp.context import no_progress

        yield no_progress
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f}/s")

    looks = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(separator=" of "),
        Speed(),
        TimeRemainingColumn(),
    )
    with Bars(*looks, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(label: str, done: int, total: int | None) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total)

        yield tell
