"""Compare: a model, images and methods, with the maps side by side."""

from __future__ import annotations

import streamlit as st

from interp.comparison.result import ComparisonRequest
from interp.errors import InputError, InterpError, PluginError
from interp.opening.named import open_method
from interp.plain_text import markdown
from interp.registry.parameter import parameters
from interp.request import Choice
from interp.suggestion.suggest import SuggestionRequest
from interp.target import index_text
from interp_dashboard.choice.image import as_shown, choose_images
from interp_dashboard.choice.method import choose_methods
from interp_dashboard.choice.model import choose_model
from interp_dashboard.choice.target import choose_targets
from interp_dashboard.comparison_view import show_comparison
from interp_dashboard.layout import show_errors
from interp_dashboard.link import Selection, from_query, to_query
from interp_dashboard.model import describe, predict
from interp_dashboard.progress import show_progress
from interp_dashboard.session import registry, session
from interp_dashboard.suggestion_view import advise
from interp_dashboard.work import QUICK, compare_work

JOB = "compare"
GIVEN, LAST = "given choice", "last choice"
LOOK = "first look"
"""Key of a widget of this page; streamlit drops it when another page is opened."""


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
        if job.result.folder is None and not job.running:
            st.caption(f"This is the first look, with {QUICK} samples; it was not refined.")
        show_comparison(job.result, (id(job), job.version))


def _given() -> Selection:
    """The selection of the address at the first visit, the visitor's last one at later visits.

    It stays the same while the page is open, because the widgets start from it.
    """
    if LOOK not in st.session_state and LAST in st.session_state:
        st.session_state[GIVEN] = st.session_state[LAST]
    if GIVEN not in st.session_state:
        query = {key: st.query_params.get_all(key) for key in st.query_params}
        try:
            selection = from_query(query)
            for each in selection.methods:
                _check(each)
            st.session_state[GIVEN] = selection
        except InterpError as error:
            st.warning(f"A part of the address cannot be used: {markdown(error)}")
            st.session_state[GIVEN] = Selection()
    found: Selection = st.session_state[GIVEN]
    return found


def _check(choice: Choice) -> None:
    """Raise InputError for parameters that the method does not take, or not from an address."""
    try:
        kind = type(open_method(registry(), choice.name, choice.params).params)
        taken = parameters(kind)
    except PluginError:
        return  # the page tells it where the method stands
    for each in taken:
        if each.local and each.name in choice.params:
            raise InputError(
                f"{choice.name}.{each.name} names a file or a device of the server, which an "
                "address may not; start it on the command line"
            )


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
        st.caption(f"Note on the model: {markdown(note)}")
    if model.spec.notes and source in map(str, session().models.values()):
        st.caption(
            "What the file does not specify, or what was guessed wrong, can be entered under "
            "*Upload a model*: class names in a file, the normalisation as "
            "`mean=.5,.5,.5,std=.5,.5,.5` in the field *Input*."
        )
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
        methods = choose_methods(given.methods, model.capabilities)
    quick = st.toggle(f"A first look with {QUICK} samples, refined while you read", True, key=LOOK)
    selection = Selection(model=label, images=tuple(images), targets=targets, methods=methods)
    st.session_state[LAST] = selection
    if st.button("Run", type="primary", disabled=not methods, width="stretch"):
        request = ComparisonRequest(
            methods=methods, model=source, images=tuple(images), targets=targets
        )
        st.query_params.from_dict(to_query(selection))
        work = compare_work(request, images, quick)
        session().start(JOB, work)
