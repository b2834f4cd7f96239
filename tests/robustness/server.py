"""Process that runs commands for the fuzzers, each in a fork of its own: imports are done once."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

ROOM = 6 << 30
"""Bytes that a command may ask for before the system refuses."""
PRELOADED = (
    "cv2 onnx onnxruntime PIL.Image safetensors.torch skimage.segmentation sklearn.linear_model "
    "tifffile torch interp.cli.app interp.comparison.compare interp.difference.difference "
    "interp.difference.rerun interp.evaluation.evaluate interp.report.page interp.run "
    "interp_onnx.opening interp_torch.opening"
)


def serve() -> None:
    """Answer each request, a line of JSON on stdin, with a line of JSON on stdout."""
    for name in PRELOADED.split():
        __import__(name)
    gc.freeze()  # else each fork copies what its collector touches
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    begun, before = time.monotonic(), _resident()
    child = os.fork()
    if child == 0:
        _run(request)
    signal.sigtimedwait({signal.SIGCHLD}, request["limit"] * _crowding())
    found, status, used = os.wait4(child, os.WNOHANG)
    hung = found == 0
    if hung:
        os.killpg(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
    signal.sigtimedwait({signal.SIGCHLD}, 0)  # of the one that was killed
    worked = used.ru_utime + used.ru_stime
    return {
        "code": None if hung or os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status),
        "hung": hung or worked > request["limit"],
        "seconds": time.monotonic() - begun,
        "memory": max(0, (used.ru_maxrss << 10) - before),
    }


def _crowding() -> float:
    """How many processes share each core: with others at work, everything takes longer."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _resident() -> int:
    """Bytes of this process in memory, which a fork begins with."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _run(request: dict[str, Any]) -> None:
    """The command, in the forked process, which ends here."""
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.chdir(request["folder"])
    for stream, name in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        flags = os.O_RDONLY if stream == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(name, flags), stream)
    begun = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (begun + ROOM, begun + ROOM))
    code = 99
    try:
        if "reference" in request:
            from robustness import reference

            code = int(not getattr(reference, request["reference"])(Path(request["file"])))
        else:
            from interp.cli import main

            code = main(request["words"])
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
