"""What runs in each process of a pool: it opens a model once and does one piece after another."""

from __future__ import annotations

import os
import pickle
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from interp.errors import InputError


def packed(reopen: Callable[[], Any]) -> bytes:
    """What is sent to a worker: what opens a work, and where this command finds its files."""
    return pickle.dumps((str(Path.cwd()), sys.path, pickle.dumps(reopen)))


class Worker:
    """One process of a pool."""

    def __init__(self) -> None:
        self.key: str | None = None
        self.do_piece: Callable[[Any], Any] | None = None

    def open(self, key: str, sent: bytes) -> None:
        """Open a work's model and data, unless the work with this key is the one that is open.

        `sent` is what `packed` made. Raises InputError where this machine lacks the directory of
        the command, in which relative paths are read.
        """
        if key == self.key:
            return
        self.key = self.do_piece = None
        directory, packages, reopen = pickle.loads(sent)
        try:
            os.chdir(directory)
        except OSError as error:
            raise InputError(
                f"the worker on {platform.node()} has no folder {directory}; run the command from "
                "a folder, and name files, that every machine of the cluster has"
            ) from error
        sys.path += [each for each in packages if each not in sys.path]
        self.do_piece = pickle.loads(reopen)()
        self.key = key

    def do(self, piece: Any) -> Any:
        """The result of one piece of the work that is open."""
        assert self.do_piece is not None  # noqa: S101 - a pool opens first
        return self.do_piece(piece)
