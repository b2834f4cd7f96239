"""The other pages: each opens, does its work and tells what is missing."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
import streamlit as st

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.evaluation.folder import open_evaluation
from interp.explanation import Explanation
from interp.registry import Registry
from interp.request import Choice, Request
from interp.run import run
from interp_dashboard.evidence_view import AGAINST, FOR, _bars
from interp_dashboard.layout import HIGHEST, show_table
from interp_dashboard.page import layers, methods
from interp_dashboard.session import KEY


@pytest.fixture
def few(monkeypatch):
    """Pictures of two methods only."""
    monkeypatch.setattr(methods, "SAMPLES", 200)
    entries = Registry.entries

    def fewer(self, kind=None):
        found = entries(self, kind)
        kept = ("gradcam", "centre")
        return [each for each in found if each.kind != "method" or each.name in kept]

    monkeypatch.setattr(Registry, "entries", fewer)


def choose(visitor, label, value):
    """Set the selectbox of this label."""
    box = next(each for each in visitor.page.selectbox if each.label == label)
    box.set_value(value)
    visitor.page.run()


def show(visitor, view):
    """Turn to a view of the page of layers."""
    visitor.page.button_group(key="shown").set_value(view)
    visitor.page.run()


def test_methods_have_cards_with_pictures(visit, few):
    visitor = visit("methods").finish("thumbnails")
    assert visitor.errors == []
    known = [name for _, name in methods.THUMBS]
    assert {"gradcam", "centre"} <= set(known)
    assert "doi.org/10.1109/ICCV.2017.74" in visitor.words
    assert "For torch and onnx models: it needs predict, cut. From" in visitor.words
    assert f"**When it misleads:** {Registry.load().entry('method', 'gradcam').misleads}" in (
        visitor.words
    )


def test_a_paper_without_doi_is_searched_for():
    entry = Registry.load().entry("method", "rise")
    assert "scholar.google.com/scholar?q=RISE%3A+Randomized" in methods._cited(entry.paper)


def test_a_broken_package_is_told(visit, few, package):
    name = package("import nothing_like_it", installed=True)
    visitor = visit("methods")
    visitor.session.stop()
    assert any(name in each and "registry.yaml" in each for each in visitor.errors)


def test_layers_without_a_comparison(visit):
    visitor = visit("layers")
    show(visitor, "Your comparison")
    assert visitor.errors == []
    assert "Nothing was compared yet" in visitor.words


@pytest.mark.slow
def test_layers_of_a_comparison(visit):
    visitor = visit("compare", method=["mint", "chip"], set="mint.samples=300")
    visitor.press("Run").finish("compare")
    assert visitor.errors == []
    job = visitor.session.jobs["compare"]
    layers = visit("layers")
    layers.session.jobs["compare"] = job
    layers.page.run()
    show(layers, "Your comparison")
    for method in ("mint", "chip"):
        choose(layers, "Method", method)
        cell = next(each for each in job.result.cases[0].cells if each.method == method)
        assert layers.errors == []
        for each in cell.explanation.evidence:
            assert f"**{each.name}**" in layers.words
    channel = next(each for each in layers.page.selectbox if "A channel of" in each.label)
    pictures = len(layers.page.get("image"))
    channel.set_value(channel.options[0]).run()
    assert layers.errors == []
    assert len(layers.page.get("image")) == pictures + 1


@pytest.mark.slow
def test_survey_and_look_into_a_matrix(visit):
    visitor = visit("layers")
    choose(visitor, "Method", "chip")
    visitor.press("Survey").finish("classes")
    assert visitor.errors == []
    assert "weights" in visitor.words
    box = next(each for each in visitor.page.selectbox if each.label == "Class or row")
    box.set_value(box.options[0]).run()
    assert visitor.errors == []
    assert "the strongest" in visitor.words
    runs = history(visit, visitor)
    assert runs.errors == []
    assert "of-classes" in runs.page.dataframe[0].value["folder"][0]


def history(visit, visitor):
    """The page of runs, opened by the same visitor."""
    runs = visit("runs")
    runs.page.session_state[KEY] = visitor.session
    runs.page.run()
    return runs


def evaluate(visitor, samples):
    """Three images, one method, one metric."""
    methods_box, metrics_box = visitor.page.multiselect[:2]
    methods_box.set_value(["gradcam"])
    metrics_box.set_value(["pointing"])
    visitor.page.number_input[0].set_value(3)
    visitor.page.number_input[1].set_value(samples).run()
    return visitor.press("Evaluate").finish("evaluation")


@pytest.mark.slow
def test_evaluations_are_run_kept_and_compared(visit):
    visitor = visit("evaluate")
    assert visitor.errors == []
    evaluate(visitor, 200)
    assert visitor.errors == []
    (table,) = visitor.page.dataframe
    assert {"gradcam", "random"} <= set(table.value.index)
    first = visitor.session.jobs["evaluation"].result
    assert len(open_evaluation(first).records) == 3
    evaluate(visitor, 300)
    assert visitor.session.jobs["evaluation"].result != first
    runs = history(visit, visitor)
    assert list(runs.page.dataframe[0].value["kind"]) == ["evaluation"] * 2
    runs.press("Compare A and B")
    assert runs.errors == []
    told = runs.page.dataframe[-1].value
    row = told[(told["metric"] == "pointing") & (told["method"] == "gradcam")].iloc[0]
    assert row["A"] == row["B"]  # Grad-CAM takes no samples
    assert row["B less A"] == "0.00"


def test_runs_are_listed_opened_and_compared(visit, started, tmp_path):
    assert "Nothing yet" in visit("runs").words
    for seed in (0, 1):
        request = Request(method="random", images=("sample",), seed=seed)
        run(request, out=tmp_path / "runs" / f"seed-{seed}")
    visitor = visit("runs")
    assert visitor.errors == []
    listed = visitor.page.dataframe[0].value
    assert set(listed["folder"]) == {"seed-0", "seed-1"}
    assert set(listed["what"]) == {"random on sample"}
    assert all(re.fullmatch(r"\d+ \w{3} \d{4}, \d\d:\d\d UTC", each) for each in listed["written"])
    titles = next(each for each in visitor.page.selectbox if each.label == "Run").options
    assert all(each.startswith("random on sample, ") for each in titles)
    assert len(set(titles)) == 2
    visitor.press("Compare A and B")
    assert visitor.errors == []
    assert "Not the same" in [each.value for each in visitor.page.subheader]


def test_two_runs_of_one_kind_are_offered_first(visit, tmp_path):
    for seed in (0, 1):
        request = Request(method="random", images=("sample",), seed=seed)
        run(request, out=tmp_path / "runs" / f"seed-{seed}")
    compare(ComparisonRequest(methods=(Choice(name="random"),)), out=tmp_path / "runs" / "newest")
    visitor = visit("runs")
    chosen = {each.label: each.value for each in visitor.page.selectbox}
    assert {chosen["A"], chosen["B"]} == {"seed-0", "seed-1"}
    visitor.press("Compare A and B")
    assert visitor.errors == []


def test_a_torn_run_is_told_and_others_open(visit, tmp_path):
    folder = tmp_path / "runs" / "torn"
    run(Request(method="random", images=("sample",)), out=folder)
    (folder / "explanation.json").write_text(json.dumps({}))
    visitor = visit("runs")
    assert any("was altered since it was written" in each for each in visitor.errors)


def test_runs_of_another_visitor_are_not_listed(visit):
    visit("compare").tick("centre").press("Run").finish("compare")
    assert "Nothing yet" in visit("runs").words


def test_a_table_has_all_its_rows_or_says_how_many(monkeypatch):
    shown, told = [], []
    monkeypatch.setattr(st, "dataframe", lambda rows, height, **_: shown.append(height))
    monkeypatch.setattr(st, "caption", told.append)
    for count in (3, 30, HIGHEST, HIGHEST + 1):
        show_table(pd.DataFrame({"a": range(count)}))
    assert shown[:3] == ["content"] * 3 and isinstance(shown[3], int)
    assert told == [f"{HIGHEST + 1} rows; scroll in the table to see all of them."]


def test_signed_bars_have_two_colours(monkeypatch):
    drawn = []
    monkeypatch.setattr(st, "bar_chart", lambda rows, color, **_: drawn.append((rows, color)))
    monkeypatch.setattr(st, "caption", lambda words: None)
    _bars(pd.Series({"a": 1.0, "b": -2.0}), "weights")
    _bars(pd.Series({"a": 1.0, "b": 2.0}), "weights")
    (signed, both), (_, one) = drawn
    assert both == [FOR, AGAINST] and one == FOR
    assert signed.loc["b"].tolist() == [0, -2] and signed.loc["a"].tolist() == [1, 0]


def test_numbers_are_a_table_and_none_is_said_in_words(monkeypatch):
    shown, told = [], []
    monkeypatch.setattr(layers, "show_table", lambda rows, **_: shown.append(rows))
    monkeypatch.setattr(st, "info", told.append)
    layers._numbers(Explanation((), scores={"cat": {"r2": 0.5, "empty": None}}))
    layers._numbers(Explanation(()))
    assert shown[0].to_numpy().tolist() == [["r2", "0.5"], ["empty", "–"]]
    assert told == ["This method gives no numbers besides its evidence."]
