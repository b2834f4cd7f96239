"""Evaluate: metrics of maps over many images, with intervals, beside maps that see no model."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from interp.context import Budget
from interp.evaluation.evaluate import evaluate
from interp.evaluation.plot import draw_evaluation
from interp.evaluation.request import BASELINES, EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.evaluation.table import COLUMNS, headings, long_rows, words
from interp.request import Choice
from interp_dashboard.choice.model import sources
from interp_dashboard.job import Work
from interp_dashboard.link import FIRST
from interp_dashboard.model import to_explain
from interp_dashboard.session import registry, session, setting
from interp_dashboard.watch import watch

JOB = "evaluation"
QUICK = ("pointing", "energy-mask", "deletion")


def page() -> None:
    """Choose methods, metrics and images; a table and a plot."""
    st.title("Evaluate")
    st.write(
        "How good are the maps, over many images? Every metric is a different opinion. "
        f"{', '.join(BASELINES)} are maps that see no model: a method should beat them."
    )
    request = _chosen()
    if st.button("Evaluate", type="primary", disabled=not (request.methods and request.metrics)):
        session().start(JOB, _work(request))
    job = session().jobs.get(JOB)
    if job is None:
        return
    watch(job)
    if job.result is not None:
        _result(job.result)


def _chosen() -> EvaluationRequest:
    folders = setting().image_folders()
    names = [each.name for each in registry().entries("method") if each.name not in BASELINES]
    methods = st.multiselect("Methods", names, [each for each in FIRST if each in names])
    metrics = [each.name for each in registry().entries("metric")]
    measured = st.multiselect("Metrics", metrics, [each for each in QUICK if each in metrics])
    made = [each.name for each in registry().entries("dataset")]
    one, two, three = st.columns(3)
    offered = sources()
    model = one.selectbox("Model", list(offered))
    data = two.selectbox("Images", [*made, *folders], help="generated ones know the truth")
    target = three.selectbox(
        "Explained class", ["true", "predicted"], help="a folder without classes: predicted"
    )
    left, right = st.columns(2)
    limit = left.number_input("How many images", 2, 1000, 10)
    samples = right.number_input("Samples of each method", 200, 100_000, 500, step=100)
    return EvaluationRequest(
        methods=tuple(Choice(name=each) for each in methods),
        metrics=tuple(Choice(name=each) for each in measured),
        model=offered[model],
        data=str(folders.get(data, Path(data))),
        target="true" if target == "true" else "predicted",
        limit=int(limit),
        budget=Budget(samples=int(samples)),
    )


def _work(request: EvaluationRequest) -> Work:
    known = registry()

    def work(progress: Any, cancelled: Any) -> Iterator[Evaluation]:
        yield evaluate(
            request,
            registry=known,
            model=to_explain(known, request.model),
            progress=progress,
            cancelled=cancelled,
        )

    return work


def _result(found: Evaluation) -> None:
    st.subheader(f"{len(found.records)} images")
    rows = [words(found, each) for each in found.methods]
    st.dataframe(pd.DataFrame(rows, found.methods, headings(found)))
    st.caption("Means with 95 % intervals over images. ↑ higher is better, ↓ lower; * is the best.")
    st.image(draw_evaluation(found))
    for note in found.notes():
        st.caption(note)
    one, two = st.columns(2)
    one.download_button("Table (CSV)", lambda: _csv(found), "evaluation.csv", on_click="ignore")
    two.download_button(
        "All of it (JSON)", lambda: json.dumps(found.plain()), "evaluation.json", on_click="ignore"
    )


def _csv(found: Evaluation) -> str:
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow(COLUMNS)
    writer.writerows(long_rows(found))
    return held.getvalue()
