"""Evaluate: metrics of maps over many images, with intervals and baselines."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from interp.context import Budget
from interp.evaluation.evaluate import all_metrics
from interp.evaluation.folder import open_evaluation
from interp.evaluation.plot import draw_metric
from interp.evaluation.request import EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.evaluation.table import STARS, headings, words
from interp.evaluation.verdict import verdict_lines
from interp.plain_text import markdown
from interp.report.page import verdict_html
from interp.request import BASELINES, Choice
from interp.short import listed
from interp_dashboard.choice.data import Data, choose_data
from interp_dashboard.choice.method import choose_all_parameters
from interp_dashboard.choice.model import model_sources
from interp_dashboard.export_result import export_button
from interp_dashboard.failure_view import show_failures
from interp_dashboard.layout import grid, guarded, show_errors, show_notes, show_table
from interp_dashboard.link import DEFAULT_METHODS
from interp_dashboard.progress import show_job
from interp_dashboard.session import registry, session
from interp_dashboard.work import evaluate_work

JOB = "evaluation"
ACROSS = 3
QUICK = ("pointing", "energy-mask", "deletion")


@guarded
def page() -> None:
    """Choose methods, metrics and images; show a table and plots."""
    st.title("Evaluate")
    st.write(
        "How good are the maps, over many images? Every metric is a different opinion. "
        f"The maps {listed(BASELINES)} are made without the model: a method should beat them. A "
        "stopped evaluation is resumed."
    )
    with show_errors():
        request, data = _chosen()
        ready = bool(request.methods and request.metrics)
        if st.button("Evaluate", type="primary", disabled=not ready):
            session().start(JOB, evaluate_work(request, data))
        folder = show_job(JOB)
        if folder is not None:
            show_evaluation(open_evaluation(folder), folder)


def _chosen() -> tuple[EvaluationRequest, Data]:
    names = [each.name for each in registry().entries("method") if each.name not in BASELINES]
    methods = st.multiselect("Methods", names, [each for each in DEFAULT_METHODS if each in names])
    offered_metrics = all_metrics(registry(), on_request=True)
    metrics = {each.name: registry().entry("metric", each.name) for each in offered_metrics}
    quick = [each for each in QUICK if each in metrics]
    measured = st.multiselect("Metrics", list(metrics), quick)
    st.caption(". ".join(markdown(f"{each}: {metrics[each].summary}") for each in measured))
    one, two, three = st.columns(3)
    offered = model_sources()
    model = one.selectbox("Model", list(offered))
    data = choose_data(two, "Images")
    target = three.selectbox(
        "Explained class", ["true", "predicted"], help="predicted for a folder without classes"
    )
    left, right = st.columns(2)
    limit = int(left.number_input("How many images", 2, 1000, 10))
    samples = int(right.number_input("Samples of each method", 200, 100_000, 500, step=100))
    choices = choose_all_parameters(methods, {}, offered[model], "evaluate") if methods else ()
    request = EvaluationRequest(
        methods=choices,
        metrics=tuple(Choice(name=each) for each in measured),
        model=offered[model],
        data=data,
        target="true" if target == "true" else "predicted",
        limit=limit,
        budget=Budget(samples=samples),
    )
    return request, Data(data, limit)


def show_evaluation(found: Evaluation, folder: Path) -> None:
    """Show the table, the plots, the notes and the files to download."""
    st.subheader(f"{len(found.records)} images, {markdown(found.model.name)}")
    if said := verdict_lines(found):
        st.html(verdict_html(said))
    rows = [words(found, each) for each in found.methods]
    show_table(pd.DataFrame(rows, found.methods, headings(found)))
    st.caption(f"Means with 95 % intervals over images. ↑ higher is better, ↓ lower; {STARS}.")
    for column, metric in grid(found.metrics, ACROSS):
        drawn, alt = draw_metric(found, metric)
        column.image(drawn, alt=alt)
    show_notes(found.notes())
    show_failures(found)
    files = {
        "HTML report": "report.html",
        "Table (CSV)": "table.csv",
        "All of it (JSON)": "results.json",
    }
    there = {label: name for label, name in files.items() if (folder / name).is_file()}
    *places, last = st.columns(len(there) + 1)
    for place, (label, name) in zip(places, there.items(), strict=True):
        content = (folder / name).read_bytes
        place.download_button(label, content, name, on_click="ignore", width="stretch")
    with last:
        export_button(folder)
