"""The server process: streamlit, and in the background what the first visitor will need."""

from __future__ import annotations

import sys
from threading import Thread

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.context import Budget
from interp.session import Session
from interp.storage.image import open_image
from interp_dashboard.job import Job
from interp_dashboard.link import Selection
from interp_dashboard.model import Predict, job_model
from interp_dashboard.session import registry

FEW = 20
"""Samples of each method that is tried."""


def main(arguments: list[str]) -> None:
    """Serve the application with these arguments of `streamlit run`."""
    from streamlit.web.cli import main as streamlit

    Thread(target=warm_up, daemon=True).start()
    streamlit(["run", *arguments])


def warm_up() -> Job:
    """Load libraries and the default model, and try the default methods, while a browser opens."""
    default, registered = Selection(), registry()
    images = {each: open_image(registered.get("sample", each)) for each in default.images}
    Predict(default.model, *images.values())()

    def try_methods(job: Job) -> None:
        """Run each method once; between two of them a visitor's job may work."""
        job.pace.update("getting ready", 0, None)
        compare(
            ComparisonRequest(methods=default.methods, budget=Budget(samples=FEW)),
            Session(registered, job_model(default.model)),
            images=list(images.values()),
            on_image=lambda _: job.rest(),
        )

    return Job(try_methods).start()


if __name__ == "__main__":
    main(sys.argv[1:])
