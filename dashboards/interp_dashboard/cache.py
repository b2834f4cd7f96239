"""A cache that several threads share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import Any


@dataclass
class LruCache:
    """At most `limit` values by key; the least recently used is dropped first."""

    limit: int
    values: OrderedDict[Hashable, Future[Any]] = field(default_factory=OrderedDict)
    lock: Any = field(default_factory=Lock, repr=False)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of a key, made once if it is missing; who wants another key need not wait.

        What `make` raises is raised to all who wait, and the next call makes the value again.
        """
        with self.lock:
            missing = key not in self.values
            found = self.values.setdefault(key, Future())
            self.values.move_to_end(key)
            while len(self.values) > self.limit:
                self.values.popitem(last=False)
        if missing:
            try:
                found.set_result(make())
            except BaseException as error:
                with self.lock:
                    self.values.pop(key, None)
                found.set_exception(error)
        return found.result()
