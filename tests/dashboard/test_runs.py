"""The page of runs: whatever lies among them, the page shows the others."""

from __future__ import annotations

import shutil
from random import Random

import pytest
from robustness.saved_folder import ROOT, alter, reseal

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
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
