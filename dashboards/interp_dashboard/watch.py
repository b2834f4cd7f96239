"""A job as a visitor sees it: what it does, how long that will take, and the way to stop it."""

from __future__ import annotations

import streamlit as st

from interp_dashboard.job import Job

OFTEN = 0.5


def watch(job: Job, cancel: bool = True) -> None:
    """Progress while it runs, the page anew when there is something new; then how it ended."""
    running, version = job.running, job.version

    def look() -> None:
        if running and (not job.running or job.version != version):
            st.rerun()
        if job.running:
            _progress(job, cancel)

    st.fragment(look, run_every=OFTEN if running else None)()
    if running:
        return
    if job.error is not None:
        st.error(job.error)
    elif job.stopped:
        st.info("Stopped. Nothing of this run is working any more.")


def _progress(job: Job, cancel: bool) -> None:
    words, button = st.columns([5, 1], vertical_alignment="center")
    words.progress(job.pace.share or 0.0, told(job))
    if cancel:
        button.button("Cancel", on_click=job.stop, disabled=job.stopped, width="stretch")


def told(job: Job) -> str:
    """`mint: samples, 1,200 of 5,000, about 7 s left in this step`."""
    pace = job.pace
    if job.stopped:
        return "stopping at the next step ..."
    parts = [pace.label]
    if pace.total:
        parts.append(f"{pace.done:,} of {pace.total:,}")
    if pace.whole is not None:
        parts.append(f"about {_seconds(pace.whole)} left")
    elif pace.left is not None:
        parts.append(f"about {_seconds(pace.left)} left in this step")
    return ", ".join(parts)


def _seconds(time: float) -> str:
    return f"{max(1, round(time))} s" if time < 100 else f"{round(time / 60)} min"
