"""Working ahead in a thread: what is done beside a loop, one turn at most before its results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Found = TypeVar("Found")


def ahead(do: Callable[[Given], Found], items: Iterable[Given]) -> Iterator[Found]:
    """do(item) of each item in order, in one thread, which does the next while one is used.

    The items are taken in the thread of the caller. Raises what `do` raises, in its turn; whoever
    leaves the loop waits for the item at work.
    """
    with ThreadPoolExecutor(1) as thread:
        waiting: deque[Future[Found]] = deque()
        for item in items:
            waiting.append(thread.submit(do, item))
            if len(waiting) > 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
