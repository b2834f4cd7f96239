"""Calls in several threads at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

PATIENCE = 120
"""Seconds within which a call must be back."""


def together(calls: Iterable[Callable[[], object]]) -> list[Any]:
    """The answers of calls that are made at the same time, each in a thread."""
    listed = list(calls)
    with ThreadPoolExecutor(len(listed)) as pool:
        return [each.result(PATIENCE) for each in [pool.submit(call) for call in listed]]


def beside(work: Callable[[], object], again: Callable[[], bool]) -> tuple[Any, int]:
    """The answer of `work`, and how often `again`, called until it is back, answered True."""
    over = Event()

    def working() -> object:
        try:
            return work()
        finally:
            over.set()

    def repeating() -> int:
        count = 0
        while not over.is_set():
            count += again()
        return count

    found, count = together([working, repeating])
    return found, count
