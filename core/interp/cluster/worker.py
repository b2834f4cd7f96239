"""What runs in each process of a pool: it opens a model once and does one piece after another."""

from __future__ import annotations

import os
import pickle
import platform
from collections.abc import Callable
from typing import Any

from interp.errors import InputError


class Worker:
    """One process of a pool."""

    def __init__(self) -> None:
        self.key: str | None = None
        self.do_piece: Callable[[Any], Any] | None = None

    def open(self, key: str, sent: bytes) -> None:
        """Open a work's model and data, unless the work with this key is the one that is open.

        `sent` is the pickled pair of a function that opens them and the directory of the command,
        in which relative paths are read. Raises InputError where this machine lacks it.
        """
        if key == self.key:
            return
        self.key = self.do_piece = None
        reopen, directory = pickle.loads(sent)
        try:
            os.chdir(directory)
        except OSError as error:
            raise InputError(
                f"the worker on {platform.node()} has no folder {directory}; run the command from "
                "a folder, and name files, that every machine of the cluster has"
            ) from error
        self.do_piece = reopen()
        self.key = key

    def do(self, piece: Any) -> Any:
        """The result of one piece of the work that is open."""
        assert self.do_piece is not None  # noqa: S101 - a pool opens first
        return self.do_piece(piece)
