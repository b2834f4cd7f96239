"""The report is one well-formed file that needs nothing else, and says what it must."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from interp.comparison.compare import compare
from interp.comparison.result import Comparison, ComparisonRequest
from interp.comparison.verdict import verdict, verdict_lines
from interp.context import Budget
from interp.evaluation.request import EvaluationRequest
from interp.evidence import POOR_FIT, Heatmap
from interp.explanation import Explanation, Prediction, Provenance, finding_key
from interp.report.caution import misleads
from interp.report.command import command, evaluate_command
from interp.report.notebook import show_in_notebooks
from interp.report.page import (
    compare_with_report,
    comparison_html,
    explanation_html,
    write_reports,
)
from interp.report.panel import Subject, panel
from interp.report.picture import Painter
from interp.report.section import sections_of
from interp.report.trust import panel_badges
from interp.request import Choice, Request
from interp.result.bundle import open_bundle, save_bundle
from interp.run import run
from interp.session import Session
from interp.spec import ModelOptions
from interp.testing import ToyModel
from interp.testing.claim import CLAIMS, question_of

VOID = {"meta", "img", "br", "link", "input", "hr"}
RANDOM = np.random.default_rng(0)
IMAGES = [RANDOM.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(2)]
BUDGET = Budget(samples=100, batch_size=50)


class Page(HTMLParser):
    """Elements with their text; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes) -> None:
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def comparison(registry):
    def make(*methods: str, count: int = 1, out=None, **changes):
        chosen = tuple(Choice(name=each) for each in methods)
        request = ComparisonRequest(methods=chosen, budget=BUDGET, **changes)
        images = IMAGES[:count]
        found = compare(request, Session(registry, ToyModel()), images=images, out=out)
        if out is not None:
            write_reports(registry, found)
        return found

    return make


def test_one_file_without_anything_outside(comparison, registry, tmp_path) -> None:
    comparison("tiles", "crash", targets=("ant", "bee, not cat"), out=tmp_path / "c")
    text = (tmp_path / "c/report.html").read_text("utf-8")
    page = Page(text)
    assert text.startswith("<!doctype html>")
    words = re.sub(r"data:image/webp;base64,[\w+/=]+", "", text)
    assert not re.search(r"https?:|//\w|@import|url\(", words)
    assert page.all("link") == [] and all("src" not in each for each in page.all("script"))
    pictures = page.all("img")
    assert len(pictures) > 6
    inside = [each for each in pictures if "src" in each]
    assert all(each["src"].startswith("data:image/webp;base64,") and each["alt"] for each in inside)
    assert len(pictures) - len(inside) == 1  # the one that shows what is enlarged
    headings = [int(tag[1]) for tag, _ in page.found if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))


def test_every_method_and_target_is_there(comparison, registry) -> None:
    found = comparison("tiles", "crash", "twin", targets=("ant", "bee, not cat"))
    page = Page(comparison_html(registry, found))
    assert len(page.all("article")) == 6
    for words in (
        "Why ant ?",
        "Why bee, not cat ?",
        "No answer. crash failed: ZeroDivisionError: by zero",
        "Least squares on tiles.",
        "toy-0",
        f"seed {found.request.seed}",
        "Do they agree?",
        "interp compare --plugins tiles,crash,twin",
        "cells 4",
    ):
        assert words in page.text, words
    assert f"{found.records[0].agreement['ant'][0][2]:.2f}".replace("-", "−") in page.text


@pytest.mark.parametrize(("count", "targets"), [(1, ("ant",)), (1, ("ant", "bee")), (2, ("ant",))])
def test_the_verdict_stands_on_top(comparison, registry, count, targets) -> None:
    found = comparison("tiles", "twin", "crash", count=count, targets=targets)
    text = comparison_html(registry, found)
    top = " ".join(
        Page(text[text.index("<header>") : text.index("</header>") + len("</header>")]).words
    )
    assert verdict_lines(found) and all(each in top for each in verdict_lines(found))
    words = Page(text).text
    for record in found.records:
        for target in targets:
            for each in verdict(found, record, target).sentences():
                assert each in words


def test_every_row_has_the_badges_that_a_tile_has(comparison, registry) -> None:
    """Of each method, image and target, answered or not; what is poor is marked."""
    found = comparison("tiles", "centre", "crash", count=2, targets=("ant", "bee"))
    page = Page(comparison_html(registry, found))
    text = " ".join(page.words)
    for record, case in zip(found.records, found.cases, strict=True):
        for target in record.targets:
            for cell in case.cells:
                about = found.model.fingerprint, cell.method, cell.explanation, target
                known = panel_badges(registry, *about)
                assert {"interp check", "evaluation"} <= {each.about for each in known}
                assert " ".join(map(str, known)) in text
    marked = [each for each in page.all("li") if each.get("class") == "poor"]
    assert len(marked) == sum(
        badge.state == "poor"
        for case in found.cases
        for target in found.records[0].targets
        for cell in case.cells
        for badge in panel_badges(
            registry, found.model.fingerprint, cell.method, cell.explanation, target
        )
    )
    assert marked  # centre fails whatever has a known answer


def test_when_methods_mislead_is_told_beside_how_to_read_them(comparison, registry) -> None:
    page = Page(comparison_html(registry, comparison("centre", "edges", "tiles")))
    told = misleads(registry, ["edges", "tiles", "centre"])
    assert list(told) == ["edges", "centre"]  # tiles' package says nothing
    assert "When they mislead" in page.text
    assert all(text in page.text for text in told.values())
    assert all(question_of(each).replace("  ", " ") in page.text for each in CLAIMS.values())
    silent = Page(comparison_html(registry, comparison("tiles")))
    assert "When they mislead" not in silent.text


def test_names_are_escaped(registry) -> None:
    class Named(ToyModel):
        def __init__(self) -> None:
            super().__init__()
            names = ("<script>alert(1)</script>", 'b" onload="x', "c & d")
            self.spec = self.spec.model_copy(update={"classes": names, "name": "<b>toy</b>"})

    request = ComparisonRequest(methods=(Choice(name="tiles"),), targets=("0", "1"), budget=BUDGET)
    found = compare(request, Session(registry=registry, model=Named()), images=IMAGES[:1])
    page = Page(comparison_html(registry, found))
    assert len(page.all("script")) == 1 and page.all("b") == []
    assert not any("onload" in each for _, each in page.found)
    assert "<b>toy</b>" in page.text


def test_several_images_are_in_one_file_with_all_that_their_own_pages_have(
    comparison, registry
) -> None:
    found = comparison("tiles", "twin", "crash", count=2)
    page = Page(comparison_html(registry, found))
    assert page.all("a") == [] and len(page.all("article")) == 6
    folded = [each for each in page.all("details") if each.get("class") == "image"]
    assert ["open" in each for each in folded] == [True, False]
    for at, record in enumerate(found.records):
        alone = replace(found, records=(record,), cases=(found.cases[at],))
        alone.__dict__["scales"] = found.scales
        single = Page(comparison_html(registry, alone))
        whole = {each.get("src") for each in page.all("img")}
        assert {each.get("src") for each in single.all("img")} <= whole
        wanted = {words for words in single.words if "Standard error" in words or "Full" in words}
        assert wanted and wanted <= set(page.words)


def test_marks_are_words_and_the_fit_has_its_own(comparison, registry, tmp_path) -> None:
    comparison("tiles", "centre", count=2, out=tmp_path / "c")
    found = Comparison.open(tmp_path / "c", registry)
    write_reports(registry, found, pages=True)
    page = Page((tmp_path / "c/report.html").read_text("utf-8"))
    assert not any(words.strip() == "!" for words in page.words)
    assert not any("title" in each for each in page.all("span"))
    poor = [
        fit < POOR_FIT
        for record in found.records
        for outcome in record.outcomes
        for fit in outcome.r2.values()
        if fit is not None
    ]
    assert page.words.count("poor fit") == sum(poor)


def test_the_budgets_samples_are_listed_and_sums_are_named(comparison, registry) -> None:
    for count in (1, 2):
        page = Page(comparison_html(registry, comparison("rise", count=count)))
        assert "samples=100" in page.text and "samples 100" in page.text
        assert "samples 4000" not in page.text  # the method's own
        assert ("sums over the 2 images" in page.text) == (count == 2)
        assert ("samples in all" in page.text) == (count == 2)


def test_a_large_report_is_noted_with_what_to_do(registry, tmp_path, monkeypatch) -> None:
    request = ComparisonRequest(methods=(Choice(name="tiles"),), budget=BUDGET)
    for large, pages, told in ((10**9, False, False), (1000, False, True), (1000, True, True)):
        monkeypatch.setattr("interp.report.page.LARGE", large)
        session = Session(registry, ToyModel())
        out = tmp_path / f"{large} {pages}"
        found = compare_with_report(request, session, out=out, pages=pages, images=IMAGES)
        assert any("--pages" in each for each in found.notes) == (told and not pages)


def test_the_same_command_with_and_without_pages(registry, tmp_path) -> None:
    request = ComparisonRequest(methods=(Choice(name="tiles"),), budget=BUDGET)
    for pages in (True, False, True):
        session = Session(registry, ToyModel())
        compare_with_report(request, session, out=tmp_path / "c", pages=pages, images=IMAGES)
        Comparison.open(tmp_path / "c", registry)  # the manifest covers what is there
        assert len(list(tmp_path.rglob("report.html"))) == (3 if pages else 1)


def test_pages_are_a_gallery_with_links(comparison, registry, tmp_path) -> None:
    found = comparison("tiles", "twin", count=2, out=tmp_path / "c")
    write_reports(registry, found, pages=True)
    page = Page((tmp_path / "c/report.html").read_text("utf-8"))
    links = [each["href"] for each in page.all("a")]
    assert links == [f"{each.folder}/report.html" for each in found.records]
    for link in links:
        single = Page((tmp_path / "c" / link).read_text("utf-8"))
        assert single.all("a") == [{"href": "../report.html"}]
        assert len(single.all("article")) == 2


def test_in_notebooks(comparison, registry, monkeypatch) -> None:
    monkeypatch.setattr("interp.registry.Registry.load", lambda *_: registry)
    show_in_notebooks()
    for found in (comparison("tiles"), comparison("tiles", count=2)):
        text = found._repr_html_()
        page = Page(text)
        assert "<html" not in text and page.all("script") == []
        assert page.all("img")
    one = run(
        Request(method="tiles", targets=("ant", "bee"), budget=BUDGET),
        registry=registry,
        model=ToyModel(),
        images=IMAGES,
    ).explanation
    page = Page(one._repr_html_())
    assert len(page.all("article")) == 4  # two images, two targets
    assert Page(explanation_html(registry, replace(one, provenance=None))).all("article") == []


def shown(registry, full: float = 2.0, **fields):
    """The panel of one map that the method gives for "ant"."""
    values = np.array([[-1.0, 0.0], [0.5, 2.0]])
    each = Heatmap(name="map", target="ant", image=0, unit="logit", values=values, **fields)
    notes = ("ant: look out", "bee: no matter", "for all")
    scores = {"ant": {"empty": 0.25}, "bee": {"empty": 0.5}}
    made = Provenance("m", ToyModel().spec, targets=("ant", "bee"))
    found = Explanation((each,), notes=notes, scores=scores, provenance=made)
    subject = Subject(IMAGES[0], 0, "photo", "ant")
    return panel(Painter(registry), "m", "", found, subject, full)


def test_a_panel_tells_how_far_to_trust_it(registry) -> None:
    good = shown(registry, r2=0.8, standard_error=np.full((2, 2), 0.125))
    assert good.fit == "R² 0.80" and good.doubt is not None and "±0.12" in good.doubt_scale
    assert good.warnings == ("ant: look out", "for all")
    assert good.facts == (("empty", "0.25"),)
    assert good.scale == "Full colour: 2 logit. Here up to +2 and down to −1."
    poor = shown(registry, r2=0.1)
    assert "Poor fit, R² 0.10" in poor.warnings[0] and poor.doubt is None


def several(targets=("ant", "bee"), images=(0, 1)):
    """An explanation with a score and a note on each target of each image."""
    pairs = [(target, at) for target in targets for at in images]
    evidence = tuple(
        Heatmap(name="map", target=target, image=at, values=np.eye(2)) for target, at in pairs
    )
    keys = {pair: finding_key(*pair, len(images)) for pair in pairs}
    answer = Prediction(("ant",), (0,), (1.0,))
    made = Provenance(
        "tiles", ToyModel().spec, targets, {}, 0, (answer,) * len(images), ("one", "two", "three")
    )
    return Explanation(
        evidence,
        scores={keys[pair]: {"number": f"{pair}"} for pair in pairs},
        notes=(*(f"{keys[pair]}: look at {pair}" for pair in pairs), "image 1: odd", "for all"),
        images=(*IMAGES, IMAGES[0]),
        provenance=replace(made, image_names=made.image_names[: len(images)]),
    )


def test_a_note_stands_in_the_panel_of_its_target_and_image_alone(registry) -> None:
    panels = {
        (group.target, at): group.panels[0]
        for at, section in enumerate(sections_of(Painter(registry), several()))
        for group in section.groups
    }
    assert len(panels) == 4
    for (target, at), found in panels.items():
        odd = ("image 1: odd",) if at == 1 else ()
        note = f"{target}, image {at}: look at {(target, at)}"
        assert found.warnings == (note, *odd, "for all")
        assert found.facts == (("number", f"{(target, at)}"),)


def test_the_longer_of_two_targets_is_read() -> None:
    found = several(targets=("a", "a: b", "a, image"))
    for target in ("a", "a: b", "a, image"):
        assert len(found.notes_of(target, 1)) == 3
        assert found.notes_of(target, 1)[0] == f"{target}, image 1: look at {(target, 1)}"


def test_images_with_answers_of_their_own(registry) -> None:
    """Each key names the image's number in the request, though a method sees a part of them."""
    red = np.full((40, 50, 3), (255, 0, 0), np.uint8)
    pictures = [IMAGES[0], red, IMAGES[0]]
    request = Request(method="rise", budget=BUDGET)
    found = run(request, registry=registry, model=ToyModel(), images=pictures).explanation
    one, other, same = (each.classes[0] for each in found.provenance.predictions)
    assert one == same != other
    assert list(found.scores) == [f"{one}, image 0", f"{one}, image 2", other]
    assert found.scores_of(one, 2) == found.scores[f"{one}, image 2"]
    assert found.scores_of(one, 0) and found.scores_of(other, 1)


def test_keys_of_version_0_1_0(tmp_path) -> None:
    """It numbered the images of a target among themselves: image 1 of (0, 2) is image 2."""
    found = several(targets=("ant",), images=(0, 2))
    old = replace(
        found,
        scores={"ant, image 0": {"number": 0}, "ant, image 1": {"number": 2}},
        notes=("ant, image 1: of the third", "for all"),
    )
    opened = open_bundle(save_bundle(tmp_path / "old", Request(method="m"), old, {}))[1]
    assert opened.scores_of("ant", 2) == {"number": 2} and not opened.scores_of("ant", 1)
    assert opened.notes_of("ant", 2) == ("ant, image 2: of the third", "for all")
    assert opened.notes_of("ant", 0) == ("for all",)
    again = open_bundle(save_bundle(tmp_path / "new", Request(method="m"), found, {}))[1]
    assert again.scores == found.scores and again.notes == found.notes


def test_one_scale(registry) -> None:
    """Twice the scale's end is half the colour: pictures of one method can be compared."""
    assert shown(registry, 2.0).picture.uri != shown(registry, 4.0).picture.uri
    full = shown(registry, 1e-9).picture.uri
    assert full == shown(registry, 1e-12).picture.uri  # beyond the end colours do not change


def test_the_command_repeats_the_request(registry) -> None:
    from interp.cli.parse import choices

    request = ComparisonRequest(
        methods=(
            Choice(name="tiles", params={"cells": 2, "output": "logit"}, knowledge="known"),
            Choice(name="crash"),
        ),
        model="file.onnx",
        options=ModelOptions(input={"mean": [0.5, 0.5, 0.5]}, classes="names.txt"),
        targets=("bee, not cat",),
        budget=Budget(samples=50),
        seed=4,
    )
    assert command(request) == (
        "interp compare --plugins tiles,crash --model file.onnx --input mean=0.5,0.5,0.5 "
        "--classes names.txt --image sample --target 'bee, not cat' --knowledge tiles=known "
        "--set tiles.cells=2 --set 'tiles.output=\"logit\"' --budget 50 --seed 4"
    )
    stable = request.model_copy(update={"budget": Budget(samples=50, until="stable")})
    assert "--budget 50 --until stable --seed 4" in command(stable)
    settings = ["tiles.cells=2", 'tiles.output="logit"']
    said = choices(registry, "method", "tiles,crash", "--set", settings, ["tiles=known"])
    assert said == request.methods


def test_the_command_names_the_registry_files_that_were_added(tmp_path, monkeypatch):
    """Those beside which it was given by their path from there; a mailed report names no others."""
    monkeypatch.chdir(tmp_path)
    request = ComparisonRequest(methods=(Choice(name="mine"),))
    added = [tmp_path / "own" / "registry.yaml", tmp_path.parent / "theirs.yaml"]
    told = "--registry own/registry.yaml --registry theirs.yaml"
    assert command(request, added).endswith(told)
    evaluation = EvaluationRequest(methods=(Choice(name="mine"),), data="creatures")
    assert told in evaluate_command(evaluation, added)
