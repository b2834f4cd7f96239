"""Compare: a model, images and methods, with the maps side by side."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import streamlit as st

from interp.comparison.models import ModelComparison
from interp.comparison.result import Comparison, ComparisonRequest
from interp.plain_text import markdown
from interp.request import Choice
from interp.suggestion.suggest import SuggestionRequest
from interp.target import index_text
from interp_dashboard.choice.image import as_shown, choose_images
from interp_dashboard.choice.method import choose_methods
from interp_dashboard.choice.model import choose_beside, choose_model
from interp_dashboard.choice.target import choose_targets
from interp_dashboard.comparison_view import show_comparison
from interp_dashboard.input_view import UNSAID, choose_input, warn_if_flat
from interp_dashboard.layout import EXAMPLE, guarded, show_errors
from interp_dashboard.link import Selection, from_query, runs_itself, to_query
from interp_dashboard.model import Answer, ModelCard, describe, predict
from interp_dashboard.models_view import show_models
from interp_dashboard.progress import show_progress
from interp_dashboard.refusal import refusals
from interp_dashboard.session import NAME, registry, session
from interp_dashboard.suggestion_view import advise
from interp_dashboard.text import on_page
from interp_dashboard.tour_view import show_tour
from interp_dashboard.unfinished import QUICK, STOPPED, as_unfinished
from interp_dashboard.usual import usual_methods
from interp_dashboard.work import compare_work, models_work

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
    with st.container(key="lead"):
        st.write(
            "Choose an image and a model, press Run, and see the answers of several methods side "
            "by side. Methods disagree: that is why there are several."
        )
    show_tour()
    with show_errors():
        _choose(_given())
    job = session().jobs.get(JOB)
    if job is None:
        return
    st.divider()
    show_progress(job)
    if job.result is not None:
        found, version = job.result, (id(job), job.version, job.running)
        if isinstance(found, ModelComparison):
            show_models(found, version)
            return
        if found.folder is None and not job.running:
            job.result = found = as_unfinished(found, registry(), STOPPED)
        show_comparison(found, version)


def last_comparison() -> Comparison | None:
    """What the visitor compared last; of several models, on the first of them."""
    job = session().jobs.get(JOB)
    found = None if job is None else job.result
    if isinstance(found, ModelComparison):
        return found.comparisons[0]
    return cast("Comparison | None", found)


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
    """The image, the model, what to explain and Run on the first screen; the rest below."""
    image, right = st.container(key="choice").columns(2)
    asked, run = st.container(), st.container(key="run")
    example, others = st.empty(), st.container()
    image_file, model_file = st.columns(2)
    with image:
        chosen = choose_images(given.images, image_file)
    with right:
        opened = any(each in session().opened for each in given.images)
        label, source = choose_model(given.model, model_file, as_given=opened)
    if not chosen:
        st.info("Choose an image, or upload one.")
        return
    with right, st.spinner("asking the model ..."):
        model = describe(source)
        images = as_shown(chosen, model)
        answer = predict(source, next(iter(images.values())))
    with right:
        targets = _targets(given, label, tuple(images), answer, others)
    with asked:
        _ask_about(label, source, model, next(iter(images.values())), answer)
    with others:
        beside, beside_source = choose_beside(given.beside, label)
    if JOB not in session().jobs:
        example.container(key="maps").html(EXAMPLE)
    methods = _methods(given, source, images, model, targets)
    selection = Selection(
        model=label, beside=beside, images=tuple(images), targets=targets, methods=methods
    )
    session().selection = selection
    with run:
        pressed = st.button("Run", type="primary", disabled=not methods, width="stretch")
        names = ", ".join(each.name for each in methods) or "no method"
        st.caption(markdown(f"Runs {names}. Tick others under Methods."))
    if pressed or (methods and st.session_state.pop(RUNS, False)):
        _start(selection, source, beside_source, images)
        example.empty()


def _start(
    selection: Selection, source: str, beside: str | None, images: dict[str, np.ndarray]
) -> None:
    """Start the comparison, on another model `beside` the first one too, and set the address."""
    request = ComparisonRequest(
        methods=selection.methods, model=source, images=selection.images, targets=selection.targets
    )
    session().address = {key: value for key, value in to_query(selection).items() if value}
    st.query_params.from_dict({**session().address, NAME: session().name})
    if beside is None:
        work = compare_work(request, images, st.session_state[LOOK])
    else:
        work = models_work(request, (source, beside), images)
    session().start(JOB, work)


def _targets(
    given: Selection, label: str, names: tuple[str, ...], answer: Answer, others: Any
) -> tuple[str, ...]:
    """What is explained: at first the address's targets, or one image's best class."""
    wanted: tuple[str, ...] = ()
    if len(names) == 1:
        wanted = (index_text(answer.prediction.indices[0], answer.classes),)
    if given.targets and (given.model, given.images) == (label, names):
        wanted = given.targets
    targets = choose_targets(answer, wanted, f"{label} {' '.join(names)}", others)
    if len(names) > 1:
        st.caption(
            f"The answers above are those on {markdown(names[0])}. Without a choice, the top class "
            "of each image is explained."
        )
    return targets


def _ask_about(
    label: str, source: str, model: ModelCard, first: np.ndarray, answer: Answer
) -> None:
    """What is not sure about the model: its notes, its input, an answer that says nothing."""
    for note in model.spec.notes:
        st.caption(markdown(f"Note on the model: {on_page(note)}"))
    said = not any(each.startswith(UNSAID) for each in model.spec.notes)
    choose_input(label, source, model.spec.input, said, first)
    warn_if_flat(answer)


def _methods(
    given: Selection,
    source: str,
    images: dict[str, np.ndarray],
    model: ModelCard,
    targets: tuple[str, ...],
) -> tuple[Choice, ...]:
    """The ticked methods with their parameters, and whether there is a first look."""
    name, first = next(iter(images.items()))
    with st.expander("Methods"):
        advise(SuggestionRequest(model=source, image=name, targets=targets), first)
        usual = given.methods or usual_methods(registry(), model.spec.fingerprint)
        methods = choose_methods(usual, refusals(source, first, model), source)
        st.toggle(f"A first look with {QUICK} samples, refined while you read", True, key=LOOK)
    return methods
