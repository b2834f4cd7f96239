"""The table of callers and surroundings, each with what happens; docs/callers.md is made of it."""

from __future__ import annotations

from robustness import (
    caller_inputs,
    caller_modes,
    caller_modules,
    caller_onnx,
    caller_surroundings,
    caller_threads,
)
from robustness.caller import Caller

CALLERS: tuple[Caller, ...] = (
    *caller_modes.ROWS,
    *caller_modules.ROWS,
    *caller_threads.ROWS,
    *caller_inputs.ROWS,
    *caller_onnx.ROWS,
    *caller_surroundings.ROWS,
)
