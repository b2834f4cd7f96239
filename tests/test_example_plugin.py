"""The example packages in a fresh environment: installed, listed, shown and run by name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from support.fresh import Fresh
from support.onnx_file import mean_colour

PACKAGES = [Path(__file__).parent / name for name in ("example_plugin", "example_short")]
"""The long way to register, by a hook, and the short one, by registry.yaml alone."""

METHODS = pytest.mark.parametrize("method", ["occlude-grid", "occlude-short"])


@pytest.fixture(scope="module")
def interp(tmp_path_factory) -> Callable[..., str]:
    """`interp` in a fresh environment that holds the examples and sees this one's packages."""
    made = Fresh.seeing(tmp_path_factory.mktemp("fresh"))
    made.install(*PACKAGES)
    return lambda *words: made.run("interp", *words, PYTHONPATH=os.environ.get("PYTHONPATH", ""))


@pytest.fixture(scope="module")
def colour(tmp_path_factory) -> Path:
    """An ONNX model that scores an image's mean colours."""
    path = tmp_path_factory.mktemp("onnx") / "colour.onnx"
    onnx.save(mean_colour(), path)
    return path


def test_the_short_one_takes_three_files_and_forty_lines():
    files = [each for each in PACKAGES[1].rglob("*") if each.is_file() and each.suffix != ".pyc"]
    assert len(files) == 3
    assert sum(len(each.read_text("utf-8").splitlines()) for each in files) <= 40


@METHODS
def test_listed(interp, method):
    facts = json.loads(interp("list", "--json"))
    assert facts["broken"] == []
    assert method in {each["name"] for each in facts["entries"]}


@METHODS
def test_shown(interp, method):
    shown = interp("show", method)
    assert "cells=8" in shown
    assert "needs    predict" in shown


@METHODS
def test_run_by_name(interp, method):
    facts = json.loads(interp("run", "--plugin", method, "--set", "cells=4", "--json"))
    assert facts["method"] == method
    assert facts["samples"] == 17
    assert len(facts["pictures"]) == 1


@METHODS
def test_run_on_onnx(interp, method, colour):
    facts = json.loads(
        interp("run", "--plugin", method, "--model", colour, "--set", "cells=4", "--json")
    )
    assert facts["samples"] == 17
    assert facts["model"] == "colour"


def test_compared(interp, colour):
    names = ("occlude-grid", "occlude-short")
    coarse = [word for name in names for word in ("--set", f"{name}.cells=4")]
    words = ("compare", "--plugins", ",".join(names), "--target", "0", "--json", *coarse)
    for model in ("creatures-vgg", colour):
        facts = json.loads(interp(*words, "--model", model))
        outcomes = facts["images"][0]["outcomes"]
        assert [(each["error"], each["samples"]) for each in outcomes] == [(None, 17)] * 2


def test_checked(interp):
    names = ("occlude-grid", "occlude-short")
    found = json.loads(interp("check", *names, "--samples", "100", "--json"))["findings"]
    kept = {each["method"]: each["outcome"] for each in found if each["check"] == "conformance"}
    assert kept == dict.fromkeys(names, "pass")


def test_evaluated(interp):
    words = ("--data", "creatures", "--limit", "2", "--metrics", "pointing", "--json")
    methods = "occlude-grid,occlude-short"
    table = json.loads(interp("evaluate", "--plugins", methods, *words))["table"]
    assert {table["pointing"][each]["images"] for each in methods.split(",")} == {2}
