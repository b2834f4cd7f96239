"""The application: what `streamlit run` is given."""

from __future__ import annotations

import streamlit as st

from interp_dashboard.page import compare, evaluate, layers, methods, panel, runs

st.set_page_config(page_title="interp", page_icon="🔎", layout="wide")
PAGES = [
    st.Page(compare.page, title="Compare", url_path="compare", default=True),
    st.Page(methods.page, title="Methods", url_path="methods"),
    st.Page(layers.page, title="Layers and channels", url_path="layers"),
    st.Page(evaluate.page, title="Evaluate", url_path="evaluate"),
    st.Page(runs.page, title="Runs", url_path="runs"),
]
st.navigation([*PAGES, *panel.pages()], position="top").run()
