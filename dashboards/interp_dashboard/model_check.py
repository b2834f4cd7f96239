"""Process that opens an upload under limits: `python -m interp_dashboard.model_check FILE`."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

MEMORY = 4 << 30
"""Bytes that the model may take in addition to the libraries."""
SECONDS = 100
"""Processor time that the model may take."""


def main(path: str) -> int:
    """Open the file and compute one prediction; an error is printed as JSON."""
    from interp.errors import InterpError
    from interp.opening.source import open_model
    from interp.registry import Registry
    from interp.spec import ModelOptions

    registry = Registry.load()
    registry.get("adapter", "onnx")  # libraries first, so that the limit applies to the file alone
    _limit()
    try:
        open_model(path, ModelOptions(device="cpu"), registry)
    except InterpError as error:
        reason = str(error)
    except MemoryError:
        reason = f"it needs more than {MEMORY >> 30} GB of memory to open"
    else:
        return 0
    sys.stdout.write(json.dumps({"error": reason}))
    return 1


def _limit() -> None:
    """Limit processor time and, on Linux, memory; forbid to write files."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        taken = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
