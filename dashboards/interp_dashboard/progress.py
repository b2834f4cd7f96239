"""A background job on a page: its progress, the time left, a button that stops it, its end."""

from __future__ import annotations

from typing import Any

import streamlit as st

from interp.plain_text import markdown
from interp_dashboard.job import Job
from interp_dashboard.session import session

INTERVAL = 0.5
"""Seconds between two looks at a running job."""


def show_job(name: str) -> Any:
    """Show the visitor's job of this name; its result so far, or None where there is none."""
    job = session().jobs.get(name)
    if job is None:
        return None
    show_progress(job)
    return job.result


def show_progress(job: Job, cancel: bool = True) -> None:
    """Show a job's progress while it runs, redraw the page at each new result, show its end."""
    running, version = job.running, job.version

    def refresh() -> None:
        if running and (not job.running or job.version != version):
            st.rerun()
        if job.running:
            bar, button = st.columns([5, 1], vertical_alignment="center")
            bar.progress(job.pace.share or 0.0, markdown(progress_text(job)))
            if cancel:
                button.button("Cancel", on_click=job.stop, disabled=job.stopped, width="stretch")

    st.fragment(refresh, run_every=INTERVAL if running else None)()
    if running:
        return
    if job.error is not None:
        st.error(markdown(job.error))
    elif job.stopped:
        st.info("Stopped. Nothing of this run is working any more.")


def progress_text(job: Job) -> str:
    """`mint: samples, 1,200 of 5,000, about 7 s left in this step`."""
    pace = job.pace
    if job.stopped:
        return "stopping at the next step ..."
    parts = [pace.label]
    if pace.total:
        parts.append(f"{pace.done:,} of {pace.total:,}")
    if pace.whole is not None:
        parts.append(f"about {_duration(pace.whole)} left")
    elif pace.left is not None:
        parts.append(f"about {_duration(pace.left)} left in this step")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 100 else f"{round(seconds / 60)} min"
