"""Lock on a folder, so that two processes do not write the same output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interp.errors import InputError

if sys.platform != "win32":
    import fcntl


RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK")
"""Variables that are not 0 in processes that help the first one to train."""


@contextmanager
def lock(folder: Path, out: Path) -> Iterator[None]:
    """Hold a folder, in which `out` is made, while the block lasts.

    Raises InputError where another process holds it. The system lets go of it when a process ends,
    also by a kill. Processes that a training on several devices starts belong to the first, which
    holds it; a file system without locks, such as some network drives, is used without.
    """
    if sys.platform == "win32" or any(os.environ.get(each, "0") != "0" for each in RANKS):
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _busy(out) from error
        except OSError:
            pass
        if not folder.exists() or not os.path.samestat(os.fstat(handle), folder.stat()):
            raise _busy(out)  # it was finished and removed meanwhile
        yield
    finally:
        os.close(handle)


def _busy(out: Path) -> InputError:
    return InputError(
        f"another process is writing {out}; wait until it is done, or name another --out"
    )
