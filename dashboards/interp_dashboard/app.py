"""The application, the script for `streamlit run`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from interp_dashboard.continue_view import offer_to_continue
from interp_dashboard.failure_view import COMPARE_PAGE
from interp_dashboard.page import compare, evaluate, fit, layers, methods, panel, runs

st.set_page_config(page_title="interp", page_icon="🔎", layout="wide")
st.html(Path(__file__).with_name("style.css"))
PAGES = [
    st.Page(compare.page, title="Compare", url_path="compare", default=True),
    st.Page(methods.page, title="Methods", url_path="methods"),
    st.Page(layers.page, title="Layers and channels", url_path="layers"),
    st.Page(fit.page, title="Fit", url_path="fit"),
    st.Page(evaluate.page, title="Evaluate", url_path="evaluate"),
    st.Page(runs.page, title="Runs", url_path="runs"),
]
st.session_state[COMPARE_PAGE] = PAGES[0]
chosen = st.navigation([*PAGES, *panel.pages()], position="top")
offer_to_continue()
chosen.run()
