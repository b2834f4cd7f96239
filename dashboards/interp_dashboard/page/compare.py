"""Compare: a model, images and methods; the maps beside each other."""

from __future__ import annotations

import streamlit as st

from interp.comparison.result import ComparisonRequest
from interp.errors import InterpError
from interp_dashboard.choice.image import choose_images
from interp_dashboard.choice.method import choose_methods
from interp_dashboard.choice.model import choose_model
from interp_dashboard.choice.target import choose_targets
from interp_dashboard.comparing import QUICK, stages
from interp_dashboard.link import Chosen, from_query, to_query
from interp_dashboard.model import predict, to_ask
from interp_dashboard.result import result
from interp_dashboard.session import registry, session
from interp_dashboard.watch import watch

JOB = "compare"
GIVEN, LAST = "given choice", "last choice"
LOOK = "first look"
"""A widget of this page; streamlit forgets it when another page is opened."""


def page() -> None:
    """Choose, run, see."""
    st.title("What made the network say so?")
    st.write(
        "Choose a model and an image, tick some methods, and see their answers side by side. "
        "Methods disagree: that is why there are several."
    )
    try:
        _choose(_given())
    except InterpError as error:
        st.error(str(error))
    job = session().jobs.get(JOB)
    if job is None:
        return
    st.divider()
    watch(job)
    if job.result is not None:
        if job.result.folder is None and not job.running:
            st.caption(f"This is the first look, with {QUICK} samples; it was not refined.")
        result(job.result, (id(job), job.version))


def _given() -> Chosen:
    """What the address said when the visitor came; what they chose last, when they come again.

    It stays the same while the page is open: it is where the widgets began.
    """
    if LOOK not in st.session_state and LAST in st.session_state:
        st.session_state[GIVEN] = st.session_state[LAST]
    if GIVEN not in st.session_state:
        query = {key: st.query_params.get_all(key) for key in st.query_params}
        try:
            st.session_state[GIVEN] = from_query(query)
        except InterpError as error:
            st.warning(f"The address says something that cannot be used: {error}")
            st.session_state[GIVEN] = Chosen()
    found: Chosen = st.session_state[GIVEN]
    return found


def _choose(given: Chosen) -> None:
    left, right = st.columns(2)
    with left:
        label, source = choose_model(given.model)
    with right:
        images = choose_images(given.images)
    if not images:
        st.info("Choose an image, or upload one.")
        return
    with st.spinner("asking the model ..."):
        model = to_ask(registry(), source)
        name, first = next(iter(images.items()))
        answer = predict(registry(), source, first)
    for note in model.spec.notes:
        st.caption(f"Note on the model: {note}")
    if model.spec.notes and source in map(str, session().models.values()):
        st.caption(
            "What the file does not say, and what was guessed wrong, can be said under *Upload a "
            "model*: class names in a file, the normalisation as "
            "`mean=.5,.5,.5,std=.5,.5,.5` in the field *Input*."
        )
    wanted: tuple[str, ...] = () if len(images) > 1 else (str(answer.indices[0]),)
    if given.targets and (given.model, given.images) == (label, tuple(images)):
        wanted = given.targets
    targets = choose_targets(model.spec.classes, answer, wanted, f"{label} {' '.join(images)}")
    if len(images) > 1:
        st.caption(f"The answers are those on {name}. Without a choice, each image's own is taken.")
    with st.expander("Methods", expanded=JOB not in session().jobs):  # then the maps are near
        methods = choose_methods(given.methods, model.capabilities)
    quick = st.toggle(f"A first look with {QUICK} samples, refined while you read", True, key=LOOK)
    chosen = Chosen(model=label, images=tuple(images), targets=targets, methods=methods)
    st.session_state[LAST] = chosen
    if st.button("Run", type="primary", disabled=not methods, width="stretch"):
        request = ComparisonRequest(
            methods=methods, model=source, images=tuple(images), targets=targets
        )
        st.query_params.from_dict(to_query(chosen))
        session().start(JOB, stages(registry(), request, images, session().runs(), quick))
