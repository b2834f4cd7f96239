"""A background job on a page: its progress, the time left, a button that stops it, its end."""

from __future__ import annotations

from itertools import count
from typing import Any

import streamlit as st

from interp.context import duration
from interp.plain_text import markdown
from interp_dashboard.job import Job
from interp_dashboard.pace import Pace
from interp_dashboard.session import session, without_paths
from interp_dashboard.text import on_page

INTERVAL = 0.5
"""Seconds between two looks at a running job."""
DRAWN = count()
"""Numbers for the times that a running job was drawn."""


def show_job(name: str) -> Any:
    """Show the visitor's job of this name; its result so far, or None where there is none."""
    job = session().jobs.get(name)
    if job is None:
        return None
    show_progress(job)
    return job.result


def show_progress(job: Job, cancel: bool = True) -> None:
    """Show a job's progress while it runs, redraw the page at each new result, show its end."""
    if job.running:
        _show_running(job, cancel)
    elif job.error is not None:
        st.error(markdown(on_page(without_paths(job.error))))
    elif job.stopped:
        st.info("Stopped. Nothing of this run is working any more.")


def _show_running(job: Job, cancel: bool) -> None:
    """A button that stops the visitor's run, and the progress, which is looked at again and again.

    The button draws the whole page again, for a press on a part that is just being replaced is
    lost. A look has a name of its own each time the page is drawn: one that is late belongs to
    nothing any more, where otherwise it could cut off the end of a page that is being sent.
    """
    version, place = job.version, st.container()
    if cancel:
        place, button = st.columns([5, 1], vertical_alignment="center")
        button.button(
            "Cancel",
            key=f"cancel {id(job)}",
            on_click=session().stop,
            disabled=job.stopped,
            width="stretch",
        )

    def look() -> None:
        if not job.running or job.version != version:
            st.rerun()
        if job.pace.share is not None and not job.stopped:
            st.progress(job.pace.share, whole_text(job.pace))
        st.caption(step_text(job))

    look.__qualname__ += f" {next(DRAWN)}"
    with place:
        st.fragment(look, run_every=INTERVAL)()


def whole_text(pace: Pace) -> str:
    """`25 %, about 7 minutes left`."""
    left = "" if pace.left is None else f", about {duration(pace.left)} left"
    return f"{pace.share or 0.0:.0%}{left}".replace("%", " %", 1)


def step_text(job: Job) -> str:
    """`mint: samples, 1,200 of 5,000`."""
    if job.stopped:
        return "stopping at the next step ..."
    pace = job.pace
    counted = f", {pace.done:,} of {pace.total:,}" if pace.total else ""
    return markdown(f"{pace.label}{counted}")
