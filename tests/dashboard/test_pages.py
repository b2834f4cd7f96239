"""The other pages: each opens, does its work and tells what is missing."""

from __future__ import annotations

import pytest

from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp_dashboard.page import methods


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


def test_methods_have_cards_with_pictures(visit, few):
    visitor = visit("methods").finish("thumbnails")
    assert visitor.errors == []
    known = [name for _, name in methods.THUMBS]
    assert {"gradcam", "centre"} <= set(known)
    assert "doi.org/10.1109/ICCV.2017.74" in visitor.words
    assert "Needs predict, cut" in visitor.words


def test_a_broken_package_is_told(visit, few, package):
    name = package("import nothing_like_it", installed=True)
    visitor = visit("methods")
    visitor.session.stop()
    assert any(name in each and "registry.yaml" in each for each in visitor.errors)


def test_layers_without_a_comparison(visit):
    visitor = visit("layers")
    assert visitor.errors == []
    assert "Nothing was compared yet" in visitor.words


@pytest.mark.slow
def test_layers_of_an_image(visit):
    visitor = visit("compare", method=["mint", "chip"], set="mint.samples=300")
    visitor.press("Run").finish("compare")
    assert visitor.errors == []
    job = visitor.session.jobs["compare"]
    layers = visit("layers")
    layers.session.jobs["compare"] = job
    layers.page.run()
    assert layers.errors == []
    for method in ("mint", "chip"):
        next(each for each in layers.page.selectbox if each.label == "Method").set_value(method)
        layers.page.run()
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
    visitor.page.selectbox(key="surveyed").set_value("chip").run()
    visitor.press("Survey").finish("survey")
    assert visitor.errors == []
    assert "weights" in visitor.words
    box = next(each for each in visitor.page.selectbox if each.label == "Class or row")
    box.set_value(box.options[0]).run()
    assert visitor.errors == []
    assert "the strongest" in visitor.words


@pytest.mark.slow
def test_evaluate(visit):
    visitor = visit("evaluate")
    assert visitor.errors == []
    methods_box, metrics_box = visitor.page.multiselect[:2]
    methods_box.set_value(["gradcam"])
    metrics_box.set_value(["pointing"])
    visitor.page.number_input[0].set_value(3).run()
    visitor.press("Evaluate").finish("evaluation")
    assert visitor.errors == []
    (table,) = visitor.page.dataframe
    assert "gradcam" in table.value.index
    assert "random" in table.value.index


def test_runs_are_listed_opened_and_compared(visit, started, tmp_path):
    assert "Nothing yet" in visit("runs").words
    for seed in (0, 1):
        request = Request(method="random", images=("sample",), seed=seed)
        run(request, out=tmp_path / "runs" / f"seed-{seed}")
    visitor = visit("runs")
    assert visitor.errors == []
    assert set(visitor.page.dataframe[0].value["run"]) == {"seed-0", "seed-1"}
    visitor.press("Compare A and B")
    assert visitor.errors == []
    assert any(each.value.startswith("not the same") for each in visitor.page.subheader)


def test_runs_of_another_visitor_are_not_listed(visit):
    visit("compare").tick("centre").press("Run").finish("compare")
    assert "Nothing yet" in visit("runs").words
