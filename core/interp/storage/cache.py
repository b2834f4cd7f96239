"""Facts that are found out once and kept between processes, in the user's cache folder.

The folder may be deleted at any time. A file holds JSON, is named by all that its fact hangs on,
and is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import platformdirs
from pydantic import TypeAdapter

from interp.errors import InterpError
from interp.storage.folder import write_text_whole

VARIABLE = "INTERP_CACHE"
"""Names another folder; empty: nothing is kept."""
MOST = 1000
"""Files that are kept; of more, the older half is removed."""
Fact = TypeVar("Fact")


def cache_folder() -> Path | None:
    """Where facts are kept; None where the user wants none to be."""
    chosen = os.environ.get(VARIABLE)
    if chosen is None:
        return platformdirs.user_cache_path("interp")
    return Path(chosen) if chosen else None


def kept(kind: Any, make: Callable[[], Fact], *hangs_on: object) -> Fact:
    """A fact of a type that pydantic knows, as it was kept, or else made and kept.

    It is the same wherever what it hangs on has the same `repr`. A file that cannot be read or
    written costs time and nothing else.
    """
    folder = cache_folder()
    if folder is None:
        return make()
    described = TypeAdapter(kind)
    digest = hashlib.sha256("\0".join(map(repr, hangs_on)).encode()).hexdigest()
    file = folder / f"{digest[:32]}.json"
    with suppress(OSError, ValueError):
        found: Fact = described.validate_json(file.read_bytes())
        return found
    fact = make()
    with suppress(OSError, ValueError, InterpError):
        write_text_whole(file, described.dump_json(fact).decode())
        _tidy(folder)
    return fact


def _tidy(folder: Path) -> None:
    files = list(folder.glob("*.json"))
    if len(files) > MOST:
        for each in sorted(files, key=lambda file: file.stat().st_mtime)[: len(files) // 2]:
            each.unlink(missing_ok=True)


def state_of(*places: str | Path) -> tuple[object, ...]:
    """The Python files in these folders, by name, size and time: what is kept hangs on code too."""
    found = []
    for place in places:
        for file in sorted(Path(place).rglob("*.py")):
            about = file.stat()
            found.append((file.name, about.st_size, about.st_mtime_ns))
    return tuple(found)
