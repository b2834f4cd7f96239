"""Compare: a model, images and methods, with the maps side by side."""

from __future__ import annotations

from typing import cast

import streamlit as st

from interp.comparison.result import ComparisonRequest
from interp.plain_text import markdown
from interp.suggestion.suggest import SuggestionRequest
from interp.target import index_text
from interp_dashboard.choice.image import as_shown, choose_images
from interp_dashboard.choice.method import choose_methods
from interp_dashboard.choice.model import choose_model
from interp_dashboard.choice.target import choose_targets
from interp_dashboard.comparison_view import show_comparison
from interp_dashboard.input_view import UNSAID, choose_input, warn_if_flat
from interp_dashboard.layout import guarded, show_errors
from interp_dashboard.link import Selection, from_query, runs_itself, to_query
from interp_dashboard.model import describe, predict
from interp_dashboard.progress import show_progress
from interp_dashboard.refusal import refusals
from interp_dashboard.session import NAME, registry, session
from interp_dashboard.suggestion_view import advise
from interp_dashboard.text import on_page
from interp_dashboard.unfinished import QUICK, STOPPED, as_unfinished
from interp_dashboard.usual import usual_methods
from interp_dashboard.work import compare_work

JOB = "compare"
FEW = 5
"""Parts of an address that are named when they cannot be used."""
GIVEN, RUNS = "given choice", "runs by itself"
LOOK = "first look"
"""Key of a widget of this page; streamlit drops it when another page is opened."""


@guarded
def page() -> None:
    """Choose a model, images and methods, compare, and show the maps."""
    st.title("What made the network say so?")
    st.write(
        "Choose a model and an image, tick some methods, and see their answers side by side. "
        "Methods disagree: that is why there are several."
    )
    with show_errors():
        _choose(_given())
    job = session().jobs.get(JOB)
    if job is None:
        return
    st.divider()
    show_progress(job)
    if job.result is not None:
        running = job.running
        found, version = job.result, (id(job), job.version, running)
        if found.folder is None and not running:
            job.result = found = as_unfinished(found, registry(), STOPPED)
        show_comparison(found, version)


def _given() -> Selection:
    """The selection of the address when it is opened, the visitor's last one at later visits.

    It stays the same while the page is open, because the widgets start from it.
    """
    mine = session()
    if LOOK in st.session_state and GIVEN in st.session_state:
        return cast(Selection, st.session_state[GIVEN])
    query = {key: st.query_params.get_all(key) for key in st.query_params if key != NAME}
    if mine.selection is not None and query in ({}, mine.address):
        st.session_state[GIVEN] = mine.selection
    else:
        st.session_state[GIVEN], told = from_query(query, registry())
        st.session_state[RUNS] = runs_itself(query)
        if told:
            listed = "; ".join([*told[:FEW], *([f"{len(told) - FEW} more"] * (len(told) > FEW))])
            st.warning(markdown(f"A part of the address cannot be used: {listed}"))
    return cast(Selection, st.session_state[GIVEN])


def _choose(given: Selection) -> None:
    left, right = st.columns(2)
    with left:
        label, source = choose_model(given.model)
    with right:
        chosen = choose_images(given.images)
    if not chosen:
        st.info("Choose an image, or upload one.")
        return
    with st.spinner("asking the model ..."):
        model = describe(source)
        images = as_shown(chosen, model)
        name, first = next(iter(images.items()))
        answer = predict(source, first)
    for note in model.spec.notes:
        st.caption(markdown(f"Note on the model: {on_page(note)}"))
    said = not any(each.startswith(UNSAID) for each in model.spec.notes)
    choose_input(label, source, model.spec.input, said, first)
    warn_if_flat(answer)
    wanted: tuple[str, ...] = ()
    if len(images) == 1:
        wanted = (index_text(answer.prediction.indices[0], answer.classes),)
    if given.targets and (given.model, given.images) == (label, tuple(images)):
        wanted = given.targets
    targets = choose_targets(answer, wanted, f"{label} {' '.join(images)}")
    if len(images) > 1:
        st.caption(
            f"The answers above are those on {markdown(name)}. Without a choice, the top class of "
            "each image is explained."
        )
    with st.expander("Methods", expanded=JOB not in session().jobs):  # then the maps are near
        advise(SuggestionRequest(model=source, image=name, targets=targets), first)
        usual = given.methods or usual_methods(registry(), model.spec.fingerprint)
        methods = choose_methods(usual, refusals(source, first, model))
    quick = st.toggle(f"A first look with {QUICK} samples, refined while you read", True, key=LOOK)
    selection = Selection(model=label, images=tuple(images), targets=targets, methods=methods)
    session().selection = selection
    pressed = st.button("Run", type="primary", disabled=not methods, width="stretch")
    if pressed or (methods and st.session_state.pop(RUNS, False)):
        request = ComparisonRequest(
            methods=methods, model=source, images=tuple(images), targets=targets
        )
        session().address = {key: value for key, value in to_query(selection).items() if value}
        st.query_params.from_dict({**session().address, NAME: session().name})
        work = compare_work(request, images, quick)
        session().start(JOB, work)
