"""How slow the machine is at this moment, by which a limit of wall time can be judged."""

from __future__ import annotations

import time

SPENT = 0.2
"""Seconds of processor time that are spent to find out."""


def slowness() -> float:
    """Seconds by the clock for a second of processor time: 1 on a machine at rest."""
    begun, worked = time.monotonic(), time.process_time()
    while time.process_time() - worked < SPENT:
        pass
    return max(1.0, (time.monotonic() - begun) / SPENT)
