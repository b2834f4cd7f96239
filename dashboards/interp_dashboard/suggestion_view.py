"""Advice on methods for the chosen model and image: three to tick, and all in a table."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import streamlit as st

from interp.plain_text import markdown, visible
from interp.suggestion.suggest import Suggestion, SuggestionRequest
from interp_dashboard.progress import show_progress
from interp_dashboard.session import session, without_paths
from interp_dashboard.work import suggest_work

JOB = "suggest"


def advise(request: SuggestionRequest, image: np.ndarray) -> None:
    """A button that tries the methods on the image, and the advice for this choice once there.

    Its recommended methods can be ticked. Call it before the methods' boxes are drawn.
    """
    if st.button(
        "Which methods suit this model and image?",
        help="Tries every method for a few seconds, and recommends three with the reasons.",
    ):
        session().start(JOB, suggest_work(request, image))
    job = session().jobs.get(JOB)
    if job is None:
        return
    if job.running:
        show_progress(job)
    elif job.error is not None:
        st.error(markdown(without_paths(job.error)))
    found = job.result
    if isinstance(found, Suggestion) and found.request == request:
        _show(found)


def _show(found: Suggestion) -> None:
    """The recommended methods with their reasons, and a table of all."""
    with st.container(border=True):
        for name, reason in found.chosen.items():
            st.markdown(f"**{markdown(name)}**")
            st.text(visible(reason))
        if found.chosen:
            names = [each.name for each in found.methods]
            st.button("Tick these", on_click=_tick, args=(names, tuple(found.chosen)))
        else:
            st.info(f"No method takes less than {found.request.seconds:g} s here.")
        with st.expander("All methods that say where"):
            st.table(
                [
                    {key: markdown(word) for key, word in each.words.items()}
                    for each in found.methods
                ]
            )


def _tick(names: Iterable[str], chosen: Iterable[str]) -> None:
    for each in names:
        st.session_state[f"tick {each}"] = each in chosen
