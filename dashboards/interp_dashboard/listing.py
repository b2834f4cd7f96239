"""What lies in large folders: looked through once, and again in the background."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread

QUICK = 0.02
"""Seconds: what takes no longer is looked through each time."""
SHARE = 30
"""A listing is renewed once it is older than this many times what it takes to make."""
Listed = dict[str, Path]


@dataclass
class Listing:
    """Paths by name. A listing that takes long is the last one that was made."""

    make: Callable[[], Listed]
    found: Listed = field(default_factory=dict)
    cost: float = 0.0
    made: float | None = None
    _lock: Lock = field(default_factory=Lock)

    def get(self) -> Listed:
        """The listing; only the first call waits for one that takes long."""
        if self.made is None:
            with self._lock:
                if self.made is None:
                    self._renew()
        elif self.cost < QUICK:
            self._renew()
        elif time.monotonic() - self.made > SHARE * self.cost and self._lock.acquire(False):
            Thread(target=self._renew_behind, daemon=True).start()
        return self.found

    def _renew(self) -> None:
        begun = time.monotonic()
        self.found = self.make()
        self.made = time.monotonic()
        self.cost = self.made - begun

    def _renew_behind(self) -> None:
        try:
            self._renew()
        finally:
            self._lock.release()


LISTINGS: dict[Hashable, Listing] = {}


def listing(key: Hashable, make: Callable[[], Listed]) -> Listed:
    """The listing of this key, made by `make` when it is needed."""
    return LISTINGS.setdefault(key, Listing(make)).get()


def paths_below(folder: Path) -> list[Path]:
    """All files and folders below a folder, by name; links that lead out of it are left out."""
    root, found = folder.resolve(), []
    for place, folders, files in os.walk(folder):
        inside = Path(place)
        for name in (*folders, *files):
            path = inside / name
            if not path.is_symlink() or path.resolve().is_relative_to(root):
                found.append(path)
    return sorted(found)
