"""`interp check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CODE = """
    from interp.hookspecs import hookimpl

    @hookimpl
    def interp_register(registrar):
        from interp.method import Method

        class Silent(Method):
            def explain(self, model, images, targets, knowledge, context):
                raise ValueError("torn")

        registrar.add("method", "silent", Silent)
"""
REGISTRY = """
    entries:
      - {kind: method, name: silent, package: NAME, summary: Nothing, needs: [predict],
         answers: where, claims: [dummy]}
"""


@pytest.fixture
def silent(package) -> str:
    """A method that breaks what it promises."""
    package(CODE, REGISTRY, installed=True)
    return "silent"


def test_one_method_is_shown_in_full(interp, example, tmp_path):
    answer = interp(
        *("check", "occlude-grid", "--registry", example, "--out", tmp_path / "found.json"),
        *("--samples", 100, "--cells", 8),
    )
    assert answer.code == 0
    lines = [line.split("  ") for line in answer.out.splitlines()]
    assert lines[0] == ["occlude-grid"]
    assert "10 of 10" in answer.out and "(pass)" in answer.out
    assert "The brightest square, which no class asks for" in answer.out
    found = json.loads((tmp_path / "found.json").read_text())["findings"]
    assert {each["method"] for each in found} == {"occlude-grid"}
    assert found[0]["check"] == "conformance" and found[0]["outcome"] == "pass"


def test_a_parameter_matters(interp, example):
    words = ("check", "occlude-grid", "--registry", example, "--json")
    coarse = interp(*words, "--set", "cells=2").json["findings"]
    assert next(each for each in coarse if each["check"] == "region")["outcome"] == "fail"


def test_a_broken_promise_is_exit_code_1(interp, example, silent):
    answer = interp("check", "occlude-grid", silent, "--registry", example)
    assert answer.code == 1
    rows = {line.split()[0]: line for line in answer.out.splitlines()[:3]}
    assert "FAIL" in rows["silent"] and "FAIL" not in rows["occlude-grid"]
    assert "silent dummy: silent failed: ValueError: torn" in answer.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("occlude-gird",), "error: unknown method 'occlude-gird'; did you mean 'occlude-grid'?"),
        (("occlude-grid", "--cell", "3"), "no such option: --cell; did you mean '--cells'?"),
        (("occlude-grid", "--cells", "99"), "occlude-grid: cells = 99"),
        (("occlude-grid", "--samples", "3"), "greater than or equal to 100"),
        (("occlude-grid", "--out", "no/where.json"), "--out no/where.json: found no folder no;"),
    ],
)
def test_mistakes(interp, example, words, message):
    answer = interp("check", *words, "--registry", example)
    assert answer.code == 2
    assert message in answer.err and answer.err.count("\n") == 1


def test_findings_survive_json(interp, example, tmp_path: Path):
    file = tmp_path / "found.json"
    answer = interp("check", "occlude-grid", "--registry", example, "--json", "--out", file)
    assert answer.json == json.loads(file.read_text())
