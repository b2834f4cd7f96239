"""One command of interp, with its processor seconds divided among the parts of its work.

python benchmarks/commands_run.py PARTS.json ARGUMENTS OF INTERP
A timer of the process's own seconds interrupts it some hundred times a second; what was spent since
the last time counts for the part that the stack of calls belongs to then (`part`). A long call of a
library is not interrupted, and counts for its caller once it returns. Nothing is wrapped, so that
the command takes as long as without.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL = 0.004
"""Processor seconds from one look to the next."""
PASSES = {"predict", "predict_many", "forward", "gradient", "prefix", "suffix", "derivative"} | {
    *("gates", "mixing", "answer", "activations", "attention", "probabilities", "raw", "__call__")
}
"""What adapters are asked for that runs the network; anything else opens it or cuts it."""
PLACES = {
    "opening": ("interp/opening/source.py",),
    "drawing": ("interp/result/draw.py", "interp/result/plot.py", "interp/report/", "/render/"),
    "writing": ("interp/result/bundle.py", "interp/storage/folder.py", "/stored_image.py"),
}
"""Parts by where their code is; whatever they call belongs to them."""
METHODS = ("/plugins/interp_", "interp/engine/")
"""Where methods are, and what solves: all of these but their passes."""
LIBRARIES = ("torch/autograd/", "torch/nn/modules/module.py")
"""Where a method runs a network without its adapter."""


def part(frame: FrameType | None) -> str:
    """The part of the work that a stack of calls belongs to, by the outermost call that tells."""
    calls = []
    while frame is not None:
        calls.append((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    calls.reverse()
    files = [file for file, _ in calls]
    loading = [at for at, file in enumerate(files) if file.startswith("<frozen importlib")]
    if loading:
        torch = any("/torch/" in each for each in files[loading[0] :])
        return "import torch" if torch else "imports"
    found = "rest"
    for file, name in calls:
        if name.endswith("_with_report"):  # makes the result, then its report
            continue
        for known, places in PLACES.items():
            if any(each in file for each in places):
                return known
        if "/adapters/interp_" in file:
            return "passes" if name in PASSES else "opening"
        if any(each in file for each in LIBRARIES):
            return "passes"
        if any(each in file for each in METHODS):
            found = "solving"
    return found


def main() -> None:
    seconds: Counter[str] = Counter()
    last = 0.0

    def look(_: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.process_time()
        seconds[part(frame)] += now - last
        last = now

    place, *arguments = sys.argv[1:]
    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    sys.argv = ["interp", *arguments]
    try:
        from interp.cli import main as interp

        interp()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        seconds["rest"] += time.process_time() - last
        Path(place).write_text(json.dumps(seconds))


if __name__ == "__main__":
    main()
