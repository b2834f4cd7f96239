"""Layers and channels: all that one method shows, of an image and of a model's classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import streamlit as st

from interp.cli.flags import default_model
from interp.comparison.result import Comparison
from interp.dataset import open_dataset
from interp.errors import InterpError
from interp.explanation import Explanation
from interp.method import Method
from interp.request import Request
from interp.run import survey
from interp_dashboard.choice.model import sources
from interp_dashboard.job import Work
from interp_dashboard.model import to_explain
from interp_dashboard.page.compare import JOB as COMPARED
from interp_dashboard.session import registry, session, setting
from interp_dashboard.view import explore, show_evidence
from interp_dashboard.watch import watch

JOB = "survey"
GENERATED = 50


def page() -> None:
    """Two views: of the image that was compared, and of classes."""
    st.title("Layers and channels")
    st.write(
        "A map of the image is only part of what methods find. Here is all of it: regions and "
        "their parts, channels and where they look, paths, matrices, tables, curves."
    )
    image, classes = st.tabs(["On your image", "Of a model's classes"])
    with image:
        _image()
    with classes:
        _classes()


def _image() -> None:
    job = session().jobs.get(COMPARED)
    found: Comparison | None = None if job is None else job.result
    if found is None:
        st.info("Nothing was compared yet: run some methods on the page Compare first.")
        return
    names = [each.name for each in found.records]
    at = names.index(st.selectbox("Image", names)) if len(names) > 1 else 0
    case = found.cases[at]
    method = st.selectbox("Method", found.methods)
    cell = next(each for each in case.cells if each.method == method)
    if cell.explanation is None:
        st.error(str(cell.error))
        return
    target = st.selectbox("Target", case.targets)
    listed = [each for each in cell.explanation.evidence if each.target in (None, target)]
    _notes(cell.explanation)
    show_evidence(registry(), listed, cell.explanation)
    explore(registry(), listed, cell.explanation, "image")
    with st.expander("Its numbers"):
        st.json(cell.explanation.scores)


def _notes(found: Explanation) -> None:
    for note in found.notes:
        st.caption(note)


def _classes() -> None:
    able = _surveyors()
    if not able:
        st.info("No registered method has a view of classes.")
        return
    method = st.selectbox("Method", able, key="surveyed")
    offered, usual = sources(), default_model(registry(), method)
    at = list(offered).index(usual) if usual in offered else 0
    model = st.selectbox("Model", list(offered), at, key=f"model of {method}")
    folders = setting().image_folders()
    made = [each.name for each in registry().entries("dataset")]
    data = st.selectbox("Images for examples", [*made, *folders], help="registered, or a folder")
    with st.expander("Knowledge"):
        st.caption(
            "What the method learned before (interp fit), where it is not shipped: a folder among "
            "the kept runs."
        )
        kept = st.selectbox("Folder", ["", *_learned()])
    if st.button("Survey", type="primary"):
        request = Request(
            method=method,
            model=offered[model],
            images=(),
            knowledge=str(setting().runs / kept) if kept else None,
        )
        session().start(JOB, _work(request, data, folders.get(data)))
    job = session().jobs.get(JOB)
    if job is None:
        return
    watch(job)
    if job.result is not None:
        _notes(job.result)
        show_evidence(registry(), job.result.evidence, job.result)
        explore(registry(), job.result.evidence, job.result, "classes")


def _surveyors() -> list[str]:
    """Methods that have a view of classes; what cannot be imported is told on the page Methods."""
    able = []
    for each in registry().entries("method"):
        try:
            kind = registry().get("method", each.name)
        except InterpError:
            continue
        if kind.survey is not Method.survey:
            able.append(each.name)
    return able


def _learned() -> list[str]:
    """Folders of knowledge among the kept runs."""
    found = setting().runs.glob("*/knowledge.json")
    return sorted(each.parent.name for each in found)


def _work(request: Request, data: str, folder: Path | None) -> Work:
    known = registry()

    def work(progress: Any, cancelled: Any) -> Iterator[Explanation]:
        made = open_dataset(folder) if folder else known.get("dataset", data)(GENERATED, 0)
        yield survey(
            request,
            registry=known,
            model=to_explain(known, request.model),
            dataset=made,
            progress=progress,
            cancelled=cancelled,
        ).explanation

    return work
