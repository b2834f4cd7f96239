"""`interp compare` and `interp run --data`, from flags to a folder."""

from __future__ import annotations

import pytest

from interp.comparison.result import Comparison
from interp.comparison.verdict import verdict_lines


@pytest.fixture
def compare(interp, example, picture):
    """`interp compare` of the example method on the toy model."""

    def call(*words, plugins="occlude-grid,captum-occlusion"):
        return interp(
            *("compare", "--plugins", plugins, "--model", "toy", "--image", picture),
            *("--registry", example, *words),
        )

    return call


@pytest.fixture
def photos(tmp_path, picture):
    """Three images without classes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(3):
        (folder / f"{index}.png").write_bytes(picture.read_bytes())
    return folder


def test_a_comparison_and_what_is_printed(compare, tmp_path):
    answer = compare("--out", "made", "--set", "occlude-grid.cells=3", "--target", "bee, not ant")
    assert answer.code == 0 and answer.err == ""
    lines = answer.out.splitlines()
    assert lines[0] == "2 methods on 1 image, toy (cpu)"
    assert "explained: bee, not ant" in lines[1]
    said = lines[2 : lines.index(next(each for each in lines if each.startswith("  method")))]
    assert said == verdict_lines(Comparison.open(tmp_path / "made")) != []
    assert ["occlude-grid", "10", "10"] in [each.split()[:3] for each in lines]
    assert lines[-1] == "report: made/report.html"
    assert (tmp_path / "made/report.html").is_file()
    assert Comparison.open(tmp_path / "made").request.methods[0].params == {"cells": 3}


def test_json(compare):
    facts = compare("--json", "--set", "occlude-grid.cells=2", "--budget", "20").json
    assert facts["methods"] == ["occlude-grid", "captum-occlusion"]
    assert facts["folder"].startswith("interp-runs/")
    assert len(facts["agreement"]) == 2 and facts["verdict"]
    assert facts["images"][0]["outcomes"][0]["samples"] == 5


def test_methods_and_resume_are_accepted(interp, example, picture):
    words = ("compare", "--methods", "occlude-grid", "--model", "toy", "--image", picture)
    small = ("--registry", example, "--set", "occlude-grid.cells=2", "--json")
    facts = interp(*words, *small, "--out", "made", "--resume").json
    assert (facts["methods"], facts["folder"]) == (["occlude-grid"], "made")
    answer = interp(*words, *small, "--resume")
    assert answer.code == 2 and "name its folder with --out" in answer.err


def test_a_method_that_fails_says_so(compare):
    answer = compare("--knowledge", "captum-occlusion=nowhere", "--set", "occlude-grid.cells=2")
    failed = next(line for line in answer.out.splitlines() if "captum-occlusion  " in line)
    assert answer.code == 0 and "nowhere" in failed and "manifest" in failed
    assert "report: " in answer.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "cells=3"), "--set cells=...: expected NAME.KEY=VALUE"),
        (("--set", "mint.regions=3"), "--set mint: not among the names given; known: occlude-grid"),
        (("--set", "occlude-grid.cell=3"), "did you mean 'cells'"),
        (("--knowledge", "known"), "expected METHOD=DIR"),
        (("--target", "wasp"), "unknown target 'wasp'"),
        (("--data", "photos"), "both --image and --data"),
    ],
)
def test_slips_are_one_line(compare, words, said):
    answer = compare(*words)
    assert answer.code == 2 and said in answer.err
    assert answer.err.count("\n") == 1 and answer.out == ""


def test_unknown_method(compare):
    answer = compare(plugins="occlude-grit")
    assert (answer.code, "did you mean 'occlude-grid'" in answer.err) == (2, True)


def test_run_over_a_folder(interp, example, photos, tmp_path):
    def run(*words):
        return interp(
            *("run", "--plugin", "occlude-grid", "--model", "toy", "--data", photos),
            *("--cells", "2", "--registry", example, "--out", "all", *words),
        )

    assert run("--shard", "1/2", "--json").json["whole"] == 1
    answer = run("--shard", "0/2")
    assert answer.out.splitlines() == [
        "occlude-grid on toy: 3 of 3 images are explained",
        "gallery: all/index.html",
    ]
    assert (tmp_path / "all/index.html").is_file()
    assert run("--resume").code == 0
    for words, said in (
        (("--image", "x.png"), "both --image and --data"),
        (("--seed", "3"), "holds something else"),
        (("--shard", "2/2"), "expected part/parts"),
    ):
        answer = run(*words)
        assert answer.code == 2 and said in answer.err


def test_limit_is_for_folders(interp, example):
    answer = interp("run", "--plugin", "occlude-grid", "--registry", example, "--limit", "3")
    assert answer.code == 2 and "--data" in answer.err
