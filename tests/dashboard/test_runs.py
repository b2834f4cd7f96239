"""The page of runs: whatever lies among them, the page shows the others."""

from __future__ import annotations

import shutil
from random import Random

import pytest
from robustness.saved_folder import ROOT, alter, reseal

from interp.comparison.compare import compare
from interp.comparison.result import Comparison, ComparisonRequest
from interp.request import Choice, Request
from interp.run import run

SHARE, ALL = 10, 100
"""Damaged folders that are opened in the default run, and at length."""
KNOWLEDGE = ROOT / "plugins/interp_chip/knowledge/creatures-vgg"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A result of each kind."""
    place = tmp_path_factory.mktemp("whole")
    run(Request(method="random", images=("sample",)), out=place / "explanation")
    methods = (Choice(name="random"), Choice(name="centre"))
    compare(ComparisonRequest(methods=methods), out=place / "comparison")
    shutil.copytree(KNOWLEDGE, place / "knowledge")
    return [place / each for each in ("explanation", "comparison", "knowledge")]


def damaged(whole, runs, seed):
    """A copy of a result among the runs that was altered, and sometimes sealed again."""
    random = Random(seed)
    place = runs / f"damaged-{seed}"
    shutil.copytree(whole[seed % len(whole)], place)
    for _ in range(random.choice((1, 1, 2))):
        alter(place, random)
    if random.randrange(2):
        reseal(place)


@pytest.mark.parametrize(
    "seeds", [range(SHARE), pytest.param(range(SHARE, ALL), marks=pytest.mark.slow)]
)
def test_no_damaged_run_takes_the_page_down(visit, whole, tmp_path, seeds):
    runs = tmp_path / "runs"
    shutil.copytree(whole[0], runs / "whole")
    for seed in seeds:
        damaged(whole, runs, seed)
    visitor = visit("runs")
    names = list(visitor.page.dataframe[0].value["folder"])
    assert "whole" in names
    for name in names:
        visitor.page.selectbox[0].set_value(name).run()
        mistakes = [each for each in visitor.errors if "mistake of the dashboard" in each]
        assert not list(visitor.page.exception) and not mistakes, (name, visitor.errors)
        assert name != "whole" or visitor.errors == []
    pages = [visit("compare"), visit("fit"), visit("layers")]
    assert not [each for page in pages for each in page.page.exception]


@pytest.fixture
def three(whole, tmp_path):
    """Three runs among the shared ones."""
    for each in whole:
        shutil.copytree(each, tmp_path / "runs" / each.name)
    return tmp_path / "runs"


def table(visitor):
    return visitor.page.dataframe[0].value


def fill(visitor, label, value):
    next(each for each in visitor.page.text_input if each.label == label).set_value(value).run()


def pick(visitor, name):
    visitor.page.selectbox[0].set_value(name).run()


def test_runs_have_pictures_where_they_drew_some(visit, three):
    rows = table(visit("runs")).set_index("folder")["picture"]
    assert rows["explanation"].startswith("data:image/jpeg;base64,")
    assert rows["comparison"].startswith("data:image/jpeg;base64,")
    assert rows["knowledge"] == ""


def test_runs_are_named_tagged_and_found_by_it(visit, three):
    visitor = visit("runs")
    pick(visitor, "explanation")
    fill(visitor, "Name", "my *first*")
    fill(visitor, "Tags", "paper, draft ,paper")
    visitor.press("Save name and tags")
    assert visitor.errors == []
    rows = table(visitor).set_index("folder")
    assert rows["what"]["explanation"] == "my *first*"
    assert rows["tags"]["explanation"] == "paper, draft"
    fill(visitor, "Search", "FIRST random")
    assert "No run has all of these words" in visitor.words
    fill(visitor, "Search", "FIRST draft")
    assert list(table(visitor)["folder"]) == ["explanation"]
    fill(visitor, "Search", "")
    tags = next(each for each in visitor.page.multiselect if each.label == "Tags")
    tags.set_value(["paper"]).run()
    assert list(table(visitor)["folder"]) == ["explanation"]
    assert visit("runs").errors == []


def test_a_name_that_is_too_long_is_told(visit, three):
    visitor = visit("runs")
    fill(visitor, "Name", "x" * 500)
    visitor.press("Save name and tags")
    assert "found a name of 500 letters" in visitor.errors[0]


def test_a_deleted_run_can_be_brought_back(visit, three):
    visitor = visit("runs")
    pick(visitor, "comparison")
    visitor.press("Delete this run")
    assert visitor.errors == []
    assert "comparison" not in set(table(visitor)["folder"])
    assert not (three / "comparison").exists()
    visitor.press("Undo")
    assert visitor.errors == []
    assert "comparison" in set(table(visitor)["folder"])
    assert Comparison.open(three / "comparison").methods == ["random", "centre"]


def test_damaged_labels_name_nothing(visit, three):
    for text in ("", "[]", '{"explanation": 3}', '{"explanation": {"title": []}}'):
        (three / ".labels.json").write_text(text)
        visitor = visit("runs")
        assert visitor.errors == []
        assert len(table(visitor)) == 3
