"""A cache that several threads share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any


@dataclass
class LruCache:
    """At most `limit` values by key; the least recently used is dropped first."""

    limit: int
    values: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    lock: Any = field(default_factory=RLock, repr=False)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of a key, made if it is missing; the lock keeps it from being made twice."""
        with self.lock:
            if key not in self.values:
                self.values[key] = make()
                while len(self.values) > self.limit:
                    self.values.popitem(last=False)
            self.values.move_to_end(key)
            return self.values[key]
