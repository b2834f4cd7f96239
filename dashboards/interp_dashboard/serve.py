"""The server process: streamlit, and in the background what the first visitor will need."""

from __future__ import annotations

import sys
import time
from threading import Thread

import numpy as np

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.context import Budget
from interp.session import Session
from interp.storage.image import open_image
from interp_dashboard.job import Job
from interp_dashboard.link import Selection
from interp_dashboard.model import Predict, job_model
from interp_dashboard.pool import pool
from interp_dashboard.session import end_old_sessions, registry
from interp_dashboard.usual import usual_methods

FEW = 20
"""Samples of each method that is tried."""


def main(arguments: list[str]) -> None:
    """Serve the application with these arguments of `streamlit run`."""
    from streamlit.web.cli import main as streamlit

    Thread(target=get_ready, daemon=True).start()
    Thread(target=_tidy, daemon=True).start()
    streamlit(["run", *arguments])


def _tidy() -> None:
    """End sessions that nobody comes back to, whether or not there are others."""
    while True:
        time.sleep(60)
        end_old_sessions()


def get_ready() -> None:
    """Prepare the server and a first process for jobs, while a browser opens."""
    processes = Thread(target=pool().warm, args=[warm_up], daemon=True)
    processes.start()
    default = Selection()
    Predict(default.model, *_images(default).values())()
    processes.join()


def warm_up(_: Job | None = None) -> None:
    """Task: load libraries and the default model, and try the default methods."""
    default = Selection()
    model = job_model(default.model)
    methods = usual_methods(registry(), model.spec.fingerprint)
    compare(
        ComparisonRequest(methods=methods, budget=Budget(samples=FEW)),
        Session(registry(), model),
        images=list(_images(default).values()),
    )


def _images(default: Selection) -> dict[str, np.ndarray]:
    return {each: open_image(registry().get("sample", each)) for each in default.images}


if __name__ == "__main__":
    from interp_dashboard.serve import main as as_module  # tasks are found there by other processes

    as_module(sys.argv[1:])
