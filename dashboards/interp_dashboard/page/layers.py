"""Layers and channels: everything that one method finds on an image or on a model's classes."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from interp.evidence import Matrix, PartMaps
from interp.explanation import Explanation
from interp.method import Method
from interp.plain_text import markdown, visible
from interp.request import Request
from interp.result.bundle import open_bundle
from interp.result.score import score_rows
from interp.target import index_text
from interp_dashboard.choice.data import Data, choose_data
from interp_dashboard.choice.image import as_shown, choose_images
from interp_dashboard.choice.method import (
    choose_knowledge,
    choose_method_and_model,
    choose_parameters,
)
from interp_dashboard.choice.target import choose_targets
from interp_dashboard.evidence_view import explore_evidence, show_evidence
from interp_dashboard.export_result import export_button
from interp_dashboard.layout import guarded, show_errors, show_notes, show_table
from interp_dashboard.model import describe, predict
from interp_dashboard.page.compare import JOB as COMPARED
from interp_dashboard.page.compare import last_comparison
from interp_dashboard.progress import show_job
from interp_dashboard.session import registry, session
from interp_dashboard.work import explain_work, survey_work

COMPARISON, IMAGE, CLASSES = "Your comparison", "An image", "A model's classes"
IMAGE_JOB, CLASSES_JOB = "one image", "classes"
GENERATED = 50
SAMPLE = "two"


@guarded
def page() -> None:
    """Show all evidence of a comparison, of one method on an image, or on a model's classes."""
    st.title("Layers and channels")
    st.write(
        "A map of the image is only a part of what methods find. This page shows all of it: "
        "regions and their parts, channels and where they look, paths, matrices, tables, curves."
    )
    first = CLASSES if COMPARED not in session().jobs else COMPARISON
    views = {COMPARISON: _comparison, IMAGE: _image, CLASSES: _classes}
    picked = st.segmented_control("Show", list(views), default=first, required=True, key="shown")
    with show_errors():
        views[picked]()


def _comparison() -> None:
    found = last_comparison()
    if found is None:
        st.info("Nothing was compared yet. Run some methods on the page Compare first.")
        return
    names = [each.name for each in found.records]
    if len(names) > 1:
        one, two = st.columns(2)
        at = names.index(one.selectbox("Image", names, format_func=visible))
    else:
        two, at = st.container(), 0
    method = two.selectbox("Method", found.methods)
    cell = next(each for each in found.cases[at].cells if each.method == method)
    if cell.explanation is None:
        st.error(markdown(cell.error)) if cell.error else st.info("It has not answered yet.")
        return
    _show(cell.explanation, "compared")


def _image() -> None:
    chosen = choose_method_and_model(Method.explain, "image")
    if chosen is None:
        return
    given = choose_images((SAMPLE,), st.container())
    if not given:
        st.info("Choose an image, or upload one.")
        return
    with st.spinner("asking the model ..."):
        model = describe(chosen.source)
        images = as_shown(given, model)
        answer = predict(chosen.source, next(iter(images.values())))
    key = f"{chosen.label} {' '.join(images)}"
    best = (index_text(answer.prediction.indices[0], answer.classes),)
    targets = choose_targets(answer, best, key, st.container())
    request = Request(
        method=chosen.method,
        model=chosen.source,
        images=tuple(images),
        targets=targets,
        knowledge=choose_knowledge(chosen.method, "image"),
        params=choose_parameters(chosen.method, chosen.source, "image"),
    )
    if st.button("Explain", type="primary"):
        session().start(IMAGE_JOB, explain_work(request, images))
    _follow(IMAGE_JOB)


def _classes() -> None:
    chosen = choose_method_and_model(Method.survey, "classes")
    if chosen is None:
        return
    data = choose_data(st, "Images for examples")
    request = Request(
        method=chosen.method,
        model=chosen.source,
        images=(),
        data=data,
        knowledge=choose_knowledge(chosen.method, "classes"),
        params=choose_parameters(chosen.method, chosen.source, "classes"),
    )
    if st.button("Survey", type="primary"):
        session().start(CLASSES_JOB, survey_work(request, Data(data, GENERATED)))
    _follow(CLASSES_JOB)


def _follow(name: str) -> None:
    if name in session().jobs:
        st.divider()
    folder = show_job(name)
    if folder is None:
        return
    _, found = open_bundle(folder, registry())
    if found.provenance is not None:
        made = found.provenance
        st.subheader(markdown(f"{made.method} on {made.model.name}"))
    _show(found, name)
    export_button(folder)


def _show(found: Explanation, key: str) -> None:
    """Show an explanation: notes, the pictures of one target, single channels, numbers."""
    made = found.provenance
    targets = made.targets if made else ()
    target = (
        st.selectbox("Target", targets, format_func=visible, key=f"{key} target")
        if len(targets) > 1
        else None
    )
    listed = [each for each in found.evidence if target is None or each.target in (None, target)]
    show_notes(found.notes)
    whole, closer, numbers = st.tabs(["All of it", "One row, column or channel", "Numbers"])
    with whole:
        show_evidence(registry(), listed, found)
    with closer:
        if not any(isinstance(each, Matrix | PartMaps) for each in listed):
            st.info("There are no matrices or channels to explore.")
        explore_evidence(registry(), listed, found, key)
    with numbers:
        _numbers(found)


def _numbers(found: Explanation) -> None:
    """The scores as a table: a target to a column, then what belongs to no target."""
    rows = score_rows(found.scores)
    if not rows:
        st.info("This method gives no numbers besides its evidence.")
        return
    show_table(pd.DataFrame(rows[1:], columns=rows[0]), hide_index=True)
