"""The offer to go on where this browser's earlier page was left."""

from __future__ import annotations

import time

import streamlit as st

from interp.context import duration
from interp_dashboard.session import KEPT, NAME, SESSIONS, keep, left_behind, session

OFFERED = "earlier session offered"
"""Where a page holds that session's name; DECLINED where the visitor starts anew."""
DECLINED = ""


def offer_to_continue() -> None:
    """Offer this browser's newest session that no page shows; tell of one that has ended."""
    asked = st.query_params.get(NAME)
    mine = session()
    if OFFERED not in st.session_state and asked and asked != mine.name:
        st.info(
            f"The session of this address is not kept here any more ({duration(KEPT)} after "
            "its page was closed), or belongs to another browser; this is a new one."
        )
    if st.session_state.get(OFFERED) is None and not mine.content():
        found = left_behind()  # a page that was closed just now is noticed a moment later
        st.session_state[OFFERED] = found[0].name if found else None
    earlier = SESSIONS.get(st.session_state.get(OFFERED) or "")
    if earlier is None or earlier is mine:
        return
    words, go_on, no = st.columns([4, 1, 1], vertical_alignment="center")
    ago = duration(time.monotonic() - earlier.seen)
    words.markdown(f"You left {earlier.content()} here {ago} ago.")
    go_on.button("Continue", on_click=keep, args=(earlier,), type="primary", width="stretch")
    no.button("Start anew", on_click=_forget, width="stretch")


def _forget() -> None:
    st.session_state[OFFERED] = DECLINED
