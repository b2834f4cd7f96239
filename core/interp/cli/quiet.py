"""What other libraries print, warn and log while a command runs, which only --debug shows."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


@contextmanager
def libraries_silent() -> Iterator[None]:
    """Within the block only Python's sys.stderr reaches the terminal, and no warning does.

    Libraries of C, such as libtiff, write to the stream of the process, not to sys.stderr.
    """
    before = logging.root.manager.disable
    with warnings.catch_warnings(), _stream_silent():
        warnings.filterwarnings("ignore", module=r"(?!interp)")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)


@contextmanager
def _stream_silent() -> Iterator[None]:
    """Send the process's stderr nowhere, and sys.stderr where that went; not if it is closed."""
    ours = sys.stderr
    try:
        kept = os.dup(STDERR)
    except OSError:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDERR)
    os.close(nowhere)
    if _is_stderr(ours):
        sys.stderr = os.fdopen(os.dup(kept), "w", buffering=1, errors="backslashreplace")
    try:
        yield
    finally:
        if sys.stderr is not ours:
            sys.stderr.close()
            sys.stderr = ours
        os.dup2(kept, STDERR)
        os.close(kept)


def _is_stderr(stream: object) -> bool:
    """Whether a stream of Python's writes to the process's stderr."""
    try:
        return stream.fileno() == STDERR  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return False
