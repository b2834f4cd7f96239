"""The images of an evaluation on which methods failed, each to be opened with its method."""

from __future__ import annotations

import streamlit as st

from interp.evaluation.data import ChosenImages
from interp.evaluation.result import Evaluation
from interp.evaluation.verdict import Failure, failures
from interp.plain_text import markdown, visible
from interp.storage.pixel import LoadedImage
from interp_dashboard.choice.data import Data
from interp_dashboard.choice.image import MOST
from interp_dashboard.choice.model import model_sources
from interp_dashboard.layout import HIGHEST, show_errors
from interp_dashboard.link import Selection
from interp_dashboard.session import registry, session, setting

COMPARE_PAGE = "page Compare"
"""Where the application keeps that page, so that another one can lead to it."""


def show_failures(found: Evaluation) -> None:
    """List the failures by method; one can be opened on the page Compare."""
    failed = failures(found)
    if not failed:
        return
    st.subheader("Where methods failed")
    labels = [visible(f"{each.method} on {each.image} ({each.what})") for each in failed]
    for each in failed[:HIGHEST]:
        st.caption(markdown(f"{each.method} on {each.image} ({each.what}): {each.reason}"))
    if len(failed) > HIGHEST:
        st.caption(f"and {len(failed) - HIGHEST} more; the report lists all of them.")
    if _model_label(found) is None or not _is_offered(found.request.data):
        return
    at = st.selectbox("A failure", range(len(failed)), format_func=labels.__getitem__)
    if st.button("Open this image with this method"):
        with show_errors():
            _open(found, failed[at])
            compare_page = st.session_state.get(COMPARE_PAGE)
            if compare_page is not None:
                st.switch_page(compare_page)


def _open(found: Evaluation, failure: Failure) -> None:
    """Choose the image, its class, the model and the method on the page Compare."""
    mine, request = session(), found.request
    dataset = Data(request.data, request.limit or 0).open(registry())
    example = ChosenImages(dataset, request.limit, found.model.classes)[failure.position]
    mine.opened[example.name] = example.whole or LoadedImage(example.image)
    for name in list(mine.opened)[:-MOST]:
        del mine.opened[name]
    mine.selection = Selection(
        model=_model_label(found) or request.model,
        images=(example.name,),
        targets=() if failure.target is None else (failure.target,),
        methods=tuple(each for each in request.methods if each.name == failure.method),
    )


def _model_label(found: Evaluation) -> str | None:
    """What the pages call the model; None where it is not offered here."""
    offered = model_sources().items()
    return next((label for label, source in offered if source == found.request.model), None)


def _is_offered(data: str) -> bool:
    """Whether the data are registered, or in the folder given at the start."""
    folders = setting().data_sets(registry()).values()
    registered = {each.name for each in registry().entries("dataset")}
    return data in registered or data in {str(each.resolve()) for each in folders}
