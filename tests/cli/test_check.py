"""`interp check`."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from interp.cli.check import Check, _findings
from interp.cluster.pool import Lost, Pool, ThisProcess
from interp.errors import PluginError
from interp.registry import Registry

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
        (("occlude-gird",), "'occlude-gird'; did you mean 'occlude-grid'?"),
        (("deletoin",), "'deletoin'; did you mean 'deletion'"),
        (("mint", "--kind", "metric"), "error: unknown metric 'mint'; "),
        (("mint", "--package", "interp_mint"), "error: found --package beside a name or kind"),
        (("--package", "interp_mitn"), "no package 'interp_mitn' registers anything; did you mean"),
        (("occlude-grid", "--cell", "3"), "no such option: --cell; did you mean '--cells'"),
        (("occlude-grid", "--cells", "99"), "occlude-grid: cells = 99"),
        (("occlude-grid", "--samples", "3"), "100"),
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


def test_other_kinds_are_checked_by_name(interp):
    answer = interp("check", "lasso", "dashboard", "greet", "--kind", "command")
    assert answer.code == 2 and "unknown command 'lasso'" in answer.err
    answer = interp("check", "lasso", "dashboard")
    assert answer.code == 0
    assert answer.out.splitlines()[0] == "solver lasso"
    assert "command dashboard" in answer.out.splitlines()
    assert ".30, .20, .10" in answer.out


def test_a_package_is_checked_whole_and_what_fails_is_asked(interp):
    """The toy package, whose data set fails."""
    (name,) = {each["package"] for each in interp("list", "--json").json["hooks"]} - {
        "interp_dashboard",
        "interp_mlflow",
        "interp_tensorboard",
    }
    answer = interp("check", "--package", name)
    assert answer.code == 1
    shown = [" ".join(line.split()) for line in answer.out.splitlines()]
    for line in ("adapter toy", "model toy", "dataset noise", "metric brightness", "command greet"):
        assert line in shown
    assert "size FAIL ValueError: torn" in shown
    asked = "It has as many images as are asked for, each under a name of its own."
    assert shown[shown.index("size FAIL ValueError: torn") + 1] == asked
    facts = interp("check", "--package", name, "--json").json["findings"]
    broken = {(each["kind"], each["check"]) for each in facts if each["outcome"] == "fail"}
    assert ("dataset", "size") in broken and ("model", "scores") not in broken


def test_an_adapter_is_tried_on_a_source_that_is_named(interp):
    answer = interp("check", "toy", "--kind", "adapter", "--model", "toy:nan", "--json")
    assert answer.code == 1
    said = {each["check"]: each["said"] for each in answer.json["findings"]}
    assert said["scores"] == "toy: found NaN or infinity"


class Sending(Pool):
    """A pool that does each piece as a worker does, with what was sent to it."""

    workers, remote = 1, True

    def map(self, do, pieces, reopen, ordered=False):
        opened = pickle.loads(pickle.dumps(reopen))()
        return ((each, opened(each)) for each in pieces)


def test_workers_find_what_one_process_finds() -> None:
    check = Check(Registry.load(), 100, None, None)
    params = {("method", "centre"): {"sigma": 0.3}, ("reader", "tar"): {}}
    found = list(_findings(check, params, ThisProcess()))
    assert list(_findings(check, params, Sending())) == found
    assert {each.method for each in found} == {"centre", "tar"}


def test_a_member_that_kills_its_workers_is_named() -> None:
    class Losing(Sending):
        def map(self, do, pieces, reopen, ordered=False):
            return ((each, Lost("its worker died 4 times")) for each in pieces)

    check = Check(Registry.load(), 100, None, None)
    with pytest.raises(PluginError, match="method centre cannot be checked: its worker died"):
        list(_findings(check, {("method", "centre"): {}}, Losing()))
