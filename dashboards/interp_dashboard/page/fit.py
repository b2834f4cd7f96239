"""Fit: what a method has to learn of a model before it can explain it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from interp.errors import InterpError
from interp.knowledge import Knowledge
from interp.method import Method
from interp.request import Request
from interp_dashboard.choice.data import Data, choose_data
from interp_dashboard.choice.one import choose_one, choose_parameters
from interp_dashboard.keep import keep_button
from interp_dashboard.making import fitting
from interp_dashboard.session import session
from interp_dashboard.setting import RECIPE
from interp_dashboard.watch import watch

JOB = "fit"
SEED = 2001
"""Of generated images: others than those that pages explain."""


def page() -> None:
    """Choose a method, a model and images; what was learned is offered on other pages."""
    st.title("Fit")
    st.write(
        "Some methods learn from many images before they explain one: which channels speak for a "
        "class, or a network that shows its parts. Do that here; what was learned is then offered "
        "on the pages Compare and Layers and channels. A fit that was stopped goes on where it was."
    )
    chosen = choose_one(Method.fit, JOB)
    if chosen is None:
        return
    one, two = st.columns(2)
    data = choose_data(one, "Images to learn from")
    count = two.number_input("How many, if generated", 20, 20_000, 400, step=20)
    try:
        params = choose_parameters(chosen.method, JOB)
    except InterpError as error:
        st.error(str(error))
        return
    if st.button("Fit", type="primary"):
        request = Request(method=chosen.method, model=chosen.source, params=params, data=data)
        session().start(JOB, fitting(request, Data(data, int(count), SEED)))
    job = session().jobs.get(JOB)
    if job is None:
        return
    watch(job)
    if job.result is not None:
        learned(job.result)


def learned(folder: Path) -> None:
    """What was learned, in words and numbers."""
    found = Knowledge.open(folder)
    st.subheader(f"Learned: {folder.name}")
    if (folder / RECIPE).is_file():
        st.write("It is a model too: choose it by this name wherever a model is chosen.")
    else:
        st.write("Choose it as knowledge on the pages Compare and Layers and channels.")
    for note in found.about.get("notes", []):
        st.caption(note)
    if layers := found.about.get("layers"):
        st.dataframe(pd.DataFrame(layers).T.astype(str))
    with st.expander("All that is known of it"):
        st.json(found.about)
    keep_button(folder)
