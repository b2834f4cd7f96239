"""A tour of one minute for a new visitor, one step at a time; once skipped, it stays away."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from interp_dashboard.session import session


class Step(NamedTuple):
    """What a step of the tour says, and the key of the part of the page that it speaks of."""

    part: str
    title: str
    words: str


STEPS = (
    Step(
        "choice",
        "An image and a network",
        "Both are chosen here. Below stand the network's five best answers: the ticked one is what "
        "the methods explain. Your own images and models can be uploaded further down.",
    ),
    Step(
        "run",
        "Run",
        "starts the methods that are named under it. First maps come within seconds and are "
        "refined while you read. Other methods are ticked under Methods.",
    ),
    Step(
        "maps",
        "A map for each method",
        "Red speaks for the class, blue against it, and a ring marks where the map is largest. "
        "A map shows what this network used, not where the object is.",
    ),
    Step(
        "maps",
        "How far to trust it",
        "The lines under a map say how well it fits, how far another run would differ, and whether "
        "the method was found right where the right answer is known. Above the maps stands in "
        "words what the methods agree on.",
    ),
    Step(
        "keep",
        "Keep it, send it",
        "After a run, everything can be taken away as one HTML file. The address in the browser "
        "repeats what you chose: send it to a colleague.",
    ),
)
OFFERED, OVER = -1, len(STEPS)


def show_tour() -> None:
    """Offer the tour, or show the step that the visitor is at."""
    at = session().tour
    if at == OVER:
        return
    if at == OFFERED:
        with st.container(key="tour", horizontal=True, vertical_alignment="center"):
            st.markdown("New here?", width="content")
            st.button("A tour of one minute", on_click=_go, args=(0,), width="content")
            st.button("Skip", on_click=_go, args=(OVER,), type="tertiary", width="content")
        return
    step = STEPS[at]
    st.html(
        f"<style>.st-key-{step.part} {{ outline: 3px solid #d06a00; outline-offset: 6px }}</style>"
    )
    with st.container(key="tour", border=True):
        st.markdown(f"**{step.title}** ({at + 1} of {OVER}): {step.words}")
        with st.container(horizontal=True):
            last = at + 1 == OVER
            label = "End" if last else "Next"
            st.button(label, on_click=_go, args=(at + 1,), type="primary", width="content")
            if not last:
                st.button("Skip the rest", on_click=_go, args=(OVER,), width="content")


def _go(step: int) -> None:
    session().tour = step
