"""The application's process: streamlit, and in the background what a first visitor will need."""

from __future__ import annotations

import sys
from threading import Thread

import numpy as np

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.context import Budget
from interp.session import Session
from interp.storage.image import open_image
from interp_dashboard.job import Job
from interp_dashboard.link import Chosen
from interp_dashboard.model import predict, to_explain
from interp_dashboard.session import registry

FEW = 20
"""Samples of each method that is tried."""


def main(words: list[str]) -> None:
    """Serve the application; `words` are streamlit's."""
    from streamlit.web.cli import main as streamlit

    Thread(target=warm, daemon=True).start()
    streamlit(["run", *words])


def warm() -> Job:
    """Load libraries and the default model, and try the default methods, while a browser opens."""
    chosen, known = Chosen(), registry()
    images = {each: open_image(known.get("sample", each)) for each in chosen.images}
    predict(known, chosen.model, *images.values())
    return Job(lambda job: _try(job, chosen, images)).start()


def _try(job: Job, chosen: Chosen, images: dict[str, np.ndarray]) -> None:
    """What methods import and measure is there afterwards; between two, a visitor's job works."""
    job.tell("getting ready", 0, None)
    compare(
        ComparisonRequest(methods=chosen.methods, budget=Budget(samples=FEW)),
        Session(registry(), to_explain(registry(), chosen.model)),
        images=list(images.values()),
        on_image=lambda _: job.rest(),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
