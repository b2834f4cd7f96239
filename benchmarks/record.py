"""What benchmarks write down: results as JSON, with date and machine."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from interp.context import Progress
from interp.storage.folder import write_json_whole

RESULTS = Path(__file__).parent / "results"
DATA = Path(os.environ.get("BENCHMARK_DATA") or Path(__file__).parents[2] / "shared" / "data")
"""Photographs and trained networks that are not in the repository."""


def record(name: str, found: Mapping[str, Any], out: Path | None = None) -> None:
    """Write results/NAME.json, or `out`, and print it."""
    written = datetime.now(UTC).isoformat(timespec="seconds")
    whole = {"written": written, "machine": machine(), **found}
    write_json_whole(out or RESULTS / f"{name}.json", whole)
    print(json.dumps(whole, indent=2), flush=True)


def machine() -> dict[str, object]:
    """System, processor, load and versions."""
    packages = ("torch", "onnxruntime-gpu", "numpy", "opencv-python", "scikit-image")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "packages": {each: version(each) for each in packages},
    }


def processor() -> str:
    """The name of the processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor seconds that this process takes for the work."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def print_progress(title: str) -> Progress:
    """A progress callback that prints a line a minute."""
    last = [time.monotonic()]

    def progress(label: str, done: int, total: int | None) -> None:
        if time.monotonic() - last[0] > 60:
            last[0] = time.monotonic()
            print(title, label, done, "of", total, flush=True)

    return progress
