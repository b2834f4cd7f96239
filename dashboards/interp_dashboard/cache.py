"""What is kept between runs: a few values, the ones used last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any


@dataclass
class Kept:
    """At most `limit` values by key; the one that was not used for longest goes first."""

    limit: int
    values: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    lock: Any = field(default_factory=RLock, repr=False)

    def of(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value, made where it is not there; one at a time, so that none is made twice."""
        with self.lock:
            if key not in self.values:
                self.values[key] = make()
                while len(self.values) > self.limit:
                    self.values.popitem(last=False)
            self.values.move_to_end(key)
            return self.values[key]
