"""Layers and channels: all that one method shows, of an image and of a model's classes."""

from __future__ import annotations

import streamlit as st

from interp.comparison.result import Comparison
from interp.errors import InterpError
from interp.evidence import Matrix, PartMaps
from interp.explanation import Explanation
from interp.method import Method
from interp.request import Request
from interp.result.bundle import open_bundle
from interp_dashboard.choice.data import Data, choose_data
from interp_dashboard.choice.image import choose_images
from interp_dashboard.choice.one import choose_knowledge, choose_one, choose_parameters
from interp_dashboard.choice.target import choose_targets
from interp_dashboard.keep import keep_button
from interp_dashboard.making import explaining, surveying
from interp_dashboard.model import predict, to_ask
from interp_dashboard.page.compare import JOB as COMPARED
from interp_dashboard.session import registry, session
from interp_dashboard.view import explore, show_evidence
from interp_dashboard.watch import watch

COMPARISON, IMAGE, CLASSES = "Your comparison", "An image", "A model's classes"
IMAGE_JOB, CLASSES_JOB = "one image", "classes"
GENERATED = 50
SAMPLE = "two"


def page() -> None:
    """All evidence: of what was compared, of one method on an image, of a model's classes."""
    st.title("Layers and channels")
    st.write(
        "A map of the image is only part of what methods find. Here is all of it: regions and "
        "their parts, channels and where they look, paths, matrices, tables, curves."
    )
    compared = session().jobs.get(COMPARED)
    first = CLASSES if compared is None else COMPARISON
    views = {COMPARISON: _comparison, IMAGE: _image, CLASSES: _classes}
    picked = st.segmented_control("Show", list(views), default=first, required=True, key="shown")
    try:
        views[picked]()
    except InterpError as error:
        st.error(str(error))


def _comparison() -> None:
    job = session().jobs.get(COMPARED)
    found: Comparison | None = None if job is None else job.result
    if found is None:
        st.info("Nothing was compared yet: run some methods on the page Compare first.")
        return
    names = [each.name for each in found.records]
    one, two = st.columns(2)
    at = names.index(one.selectbox("Image", names)) if len(names) > 1 else 0
    method = two.selectbox("Method", found.methods)
    cell = next(each for each in found.cases[at].cells if each.method == method)
    if cell.explanation is None:
        st.error(cell.error) if cell.error else st.info("It has not answered yet.")
        return
    _show(cell.explanation, "compared")


def _image() -> None:
    chosen = choose_one(Method.explain, "image")
    if chosen is None:
        return
    images = choose_images((SAMPLE,))
    if not images:
        st.info("Choose an image, or upload one.")
        return
    with st.spinner("asking the model ..."):
        answer = predict(registry(), chosen.source, next(iter(images.values())))
        classes = to_ask(registry(), chosen.source).spec.classes
    key = f"{chosen.label} {' '.join(images)}"
    targets = choose_targets(classes, answer, (str(answer.indices[0]),), key)
    request = Request(
        method=chosen.method,
        model=chosen.source,
        images=tuple(images),
        targets=targets,
        knowledge=choose_knowledge(chosen.method, "image"),
        params=choose_parameters(chosen.method, "image"),
    )
    if st.button("Explain", type="primary"):
        session().start(IMAGE_JOB, explaining(request, images))
    _follow(IMAGE_JOB)


def _classes() -> None:
    chosen = choose_one(Method.survey, "classes")
    if chosen is None:
        return
    data = choose_data(st, "Images for examples")
    request = Request(
        method=chosen.method,
        model=chosen.source,
        images=(),
        data=data,
        knowledge=choose_knowledge(chosen.method, "classes"),
        params=choose_parameters(chosen.method, "classes"),
    )
    if st.button("Survey", type="primary"):
        session().start(CLASSES_JOB, surveying(request, Data(data, GENERATED)))
    _follow(CLASSES_JOB)


def _follow(name: str) -> None:
    job = session().jobs.get(name)
    if job is None:
        return
    st.divider()
    watch(job)
    if job.result is None:
        return
    _, found = open_bundle(job.result)
    if found.provenance is not None:
        st.subheader(f"{found.provenance.method} on {found.provenance.model.name}")
    _show(found, name)
    keep_button(job.result)


def _show(found: Explanation, key: str) -> None:
    """Notes, pictures of one target, what can be looked into, numbers."""
    made = found.provenance
    targets = made.targets if made else ()
    target = st.selectbox("Target", targets, key=f"{key} target") if len(targets) > 1 else None
    listed = [each for each in found.evidence if target is None or each.target in (None, target)]
    for note in found.notes:
        st.caption(note)
    whole, closer, numbers = st.tabs(["All of it", "One row, column or channel", "Numbers"])
    with whole:
        show_evidence(registry(), listed, found)
    with closer:
        if not any(isinstance(each, Matrix | PartMaps) for each in listed):
            st.info("There is no matrix and there are no channels to look into.")
        explore(registry(), listed, found, key)
    with numbers:
        st.json(found.scores)
