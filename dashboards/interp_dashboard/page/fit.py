"""Fit: let a method learn what it needs of a model before it can explain it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from interp.knowledge import Knowledge
from interp.method import Method
from interp.plain_text import markdown
from interp.request import Request
from interp_dashboard.choice.data import Data, choose_data
from interp_dashboard.choice.method import choose_method_and_model, choose_parameters
from interp_dashboard.export_result import export_button
from interp_dashboard.layout import guarded, show_errors, show_table
from interp_dashboard.progress import show_job
from interp_dashboard.session import session
from interp_dashboard.setting import RECIPE
from interp_dashboard.work import fit_work

JOB = "fit"
SEED = 2001
"""Seed of generated images, so that they differ from those that other pages explain."""


@guarded
def page() -> None:
    """Choose a method, a model and images, fit, and show what was learned."""
    st.title("Fit")
    st.write(
        "Some methods learn from many images before they explain one: which channels speak for a "
        "class, or a network that shows its parts. Do that here; what was learned is then offered "
        "on the pages Compare and Layers and channels. A stopped fit is resumed."
    )
    chosen = choose_method_and_model(Method.fit, JOB)
    if chosen is None:
        return
    one, two = st.columns(2)
    data = choose_data(one, "Images to learn from")
    count = two.number_input("How many, if generated", 20, 20_000, 400, step=20)
    with show_errors():
        params = choose_parameters(chosen.method, chosen.source, JOB)
        if st.button("Fit", type="primary"):
            request = Request(method=chosen.method, model=chosen.source, params=params, data=data)
            session().start(JOB, fit_work(request, Data(data, int(count), SEED)))
        folder = show_job(JOB)
        if folder is not None:
            show_knowledge(folder)


def show_knowledge(folder: Path) -> None:
    """Show what a method learned: how to use it, notes, numbers by layer, all facts."""
    found = Knowledge.open(folder)
    st.subheader(f"Learned: {markdown(folder.name)}")
    if (folder / RECIPE).is_file():
        st.write("It is also a model: select it by this name wherever a model is chosen.")
    else:
        st.write("Select it as knowledge on the pages Compare and Layers and channels.")
    for note in found.about.get("notes", []):
        st.caption(markdown(note))
    if rows := found.by_layer():
        show_table(pd.DataFrame(rows[1:], columns=rows[0]).set_index("layer"))
    with st.expander("All details"):
        st.json(found.about)
    export_button(folder)
