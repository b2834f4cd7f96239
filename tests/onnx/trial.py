"""Runs `interp` command lines, each in a forked process of its own with limits; for tests.

python trial.py SECONDS < JSON list of lists of words
Writes a JSON list of [exit code, or minus the signal that ended it, stdout, stderr].
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Sequence
from typing import TextIO

import cv2  # noqa: F401  imported once, and not by every child
import torch

import interp_onnx.opening  # noqa: F401
from interp.cli import main as interp

MEMORY = 6 << 30
"""Address space of one process: a flipped bit may ask for any amount."""


def attempt(words: Sequence[str], seconds: int) -> tuple[int, str, str]:
    """Run a command line in a fork; what it answered, printed and complained of."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os._exit(_limited(words, seconds, out, err))
        status = os.waitpid(child, 0)[1]
        out.seek(0)
        err.seek(0)
        return os.waitstatus_to_exitcode(status), out.read(), err.read()


def _limited(words: Sequence[str], seconds: int, out: TextIO, err: TextIO) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(seconds)  # which ends the process
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    code = interp(words)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def main() -> None:
    """Everything is imported once, and no session of onnxruntime exists when a process forks."""
    torch.set_num_threads(1)
    interp(["predict", "--model", "missing.onnx"])
    answers = [attempt(words, int(sys.argv[1])) for words in json.load(sys.stdin)]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
