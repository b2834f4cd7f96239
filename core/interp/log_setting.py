"""Where results are logged to: what the environment variable INTERP_LOG asks for."""

from __future__ import annotations

import os

ENVIRONMENT = "INTERP_LOG"
"""`mlflow`, `tensorboard:FOLDER`, or several with commas between; all front ends read it."""


def log_places() -> dict[str, str]:
    """The loggers that are asked for by name, each with what stands after its colon, or nothing."""
    words = [each.strip() for each in os.environ.get(ENVIRONMENT, "").split(",")]
    parted = (each.partition(":") for each in words if each)
    return {name.strip(): place.strip() for name, _, place in parted}
