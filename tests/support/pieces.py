"""Small works for pools, importable by workers."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from functools import partial

from interp.errors import InputError

POISON = 3


def opened(failure: str = "") -> Callable[[int], int]:
    """A work that squares numbers; `failure` says what goes wrong with it."""
    if failure == "opening":
        raise InputError("found no model.onnx")
    return partial(_square, failure)


def _square(failure: str, piece: int) -> int:
    if failure == "killed" and piece == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    if failure == "error" and piece == POISON:
        raise InputError("found no image 3")
    if failure == "slow":
        time.sleep(random.Random(piece).uniform(0, 0.3))
    return piece * piece


def process(_: int) -> int:
    """The process that does a piece."""
    time.sleep(0.2)
    return os.getpid()


def opened_process() -> Callable[[int], int]:
    """A work that tells in which process it is done."""
    return process
