"""Evaluate: metrics of maps over many images, with intervals, beside maps that see no model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from interp.context import Budget
from interp.errors import InterpError
from interp.evaluation.evaluate import all_metrics
from interp.evaluation.folder import open_evaluation
from interp.evaluation.plot import draw_evaluation
from interp.evaluation.request import BASELINES, EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.evaluation.table import headings, words
from interp.request import Choice
from interp_dashboard.choice.data import Data, choose_data
from interp_dashboard.choice.model import sources
from interp_dashboard.keep import keep_button
from interp_dashboard.link import FIRST
from interp_dashboard.making import evaluating
from interp_dashboard.session import registry, session
from interp_dashboard.watch import watch

JOB = "evaluation"
ACROSS = 3
QUICK = ("pointing", "energy-mask", "deletion")


def page() -> None:
    """Choose methods, metrics and images; a table and a plot."""
    st.title("Evaluate")
    st.write(
        "How good are the maps, over many images? Every metric is a different opinion. "
        f"{', '.join(BASELINES)} are maps that see no model: a method should beat them. An "
        "evaluation that was stopped goes on where it was."
    )
    try:
        request, data = _chosen()
    except InterpError as error:
        st.error(str(error))
        return
    if st.button("Evaluate", type="primary", disabled=not (request.methods and request.metrics)):
        session().start(JOB, evaluating(request, data))
    job = session().jobs.get(JOB)
    if job is None:
        return
    watch(job)
    if job.result is not None:
        evaluation(open_evaluation(job.result), job.result)


def _chosen() -> tuple[EvaluationRequest, Data]:
    names = [each.name for each in registry().entries("method") if each.name not in BASELINES]
    methods = st.multiselect("Methods", names, [each for each in FIRST if each in names])
    metrics = {each.name: registry().entry("metric", each.name) for each in all_metrics(registry())}
    quick = [each for each in QUICK if each in metrics]
    measured = st.multiselect("Metrics", list(metrics), quick)
    st.caption(". ".join(f"{each}: {metrics[each].summary}" for each in measured))
    one, two, three = st.columns(3)
    offered = sources()
    model = one.selectbox("Model", list(offered))
    data = choose_data(two, "Images")
    target = three.selectbox(
        "Explained class", ["true", "predicted"], help="a folder without classes: predicted"
    )
    left, right = st.columns(2)
    limit = int(left.number_input("How many images", 2, 1000, 10))
    samples = int(right.number_input("Samples of each method", 200, 100_000, 500, step=100))
    request = EvaluationRequest(
        methods=tuple(Choice(name=each) for each in methods),
        metrics=tuple(Choice(name=each) for each in measured),
        model=offered[model],
        data=data,
        target="true" if target == "true" else "predicted",
        limit=limit,
        budget=Budget(samples=samples),
    )
    return request, Data(data, limit)


def evaluation(found: Evaluation, folder: Path) -> None:
    """The table, the plot, what a reader must know, and what to take away."""
    st.subheader(f"{len(found.records)} images, {found.model.name}")
    rows = [words(found, each) for each in found.methods]
    st.dataframe(pd.DataFrame(rows, found.methods, headings(found)))
    st.caption("Means with 95 % intervals over images. ↑ higher is better, ↓ lower; * is the best.")
    _plots(found)
    for note in found.notes():
        st.caption(note)
    one, two, three = st.columns(3)
    _download(one, "Table (CSV)", folder / "table.csv")
    _download(two, "All of it (JSON)", folder / "results.json")
    with three:
        keep_button(folder)


def _plots(found: Evaluation) -> None:
    """A picture for each metric, so that a phone shows one below the other."""
    for number, metric in enumerate(found.metrics):
        if number % ACROSS == 0:
            columns = st.columns(ACROSS)
        alone = replace(found, metric_specs={metric: found.metric_specs[metric]})
        alt = f"{metric}: each method's mean with its interval, as in the table"
        columns[number % ACROSS].image(draw_evaluation(alone), alt=alt)


def _download(place: Any, label: str, file: Path) -> None:
    place.download_button(label, file.read_bytes, file.name, on_click="ignore", width="stretch")
