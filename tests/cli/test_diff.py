"""`interp diff` and `interp rerun`: numbers, a picture and exit codes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from interp.storage.folder import MANIFEST, seal


@pytest.fixture
def run(interp, example, picture):
    """`interp run` of the example method into a folder."""

    def call(name: str, *words):
        flags = ("--model", "toy", "--image", picture, "--registry", example, "--out", name)
        return interp("run", "--plugin", "occlude-grid", "--cells", "3", *flags, *words)

    return call


@pytest.fixture
def altered(run, tmp_path):
    """A bundle "b" like "a", but for one number of its map."""
    for name in ("a", "b"):
        run(name, "--target", "bee")
    folder = tmp_path / "b"
    arrays = load_file(folder / "arrays.safetensors")
    (values,) = arrays.values()
    values[5, 5] += 0.5 * np.abs(values).max()
    save_file(arrays, folder / "arrays.safetensors")
    about = json.loads((folder / MANIFEST).read_text())
    about.pop("files")
    (folder / MANIFEST).unlink()
    seal(folder, about)


def test_equal_runs(run, interp):
    run("a")
    run("b", "--batch-size", "7")
    answer = interp("diff", "a", "b")
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "the same: largest difference 0 (relative) over 1 piece of evidence",
        "  budget.batch_size: – -> 7",
    ]


def test_an_altered_run_with_its_picture(altered, interp, tmp_path):
    facts = interp("diff", "a", "b", "--out", "apart.png", "--json").json
    assert facts["same"] is False and facts["picture"] == "apart.png"
    (each,) = facts["evidence"]
    assert each["name"] == "drop, bee" and each["relative"] > 0.3
    assert (tmp_path / "apart.png").stat().st_size > 1000
    lines = interp("diff", "a", "b").out.splitlines()
    assert lines[0].startswith("not the same: 1 of 1 piece of evidence differ, most in drop, bee")
    assert "rank corr." in lines[1] and "drop, bee" in lines[2]


def test_rerun_says_whether_it_is_the_same(run, interp, example, tmp_path):
    run("a")
    answer = interp("rerun", "a", "--registry", example)
    assert answer.code == 0
    assert answer.out == "the same: largest difference 0 (relative) over 1 piece of evidence\n"
    assert sorted(each.name for each in tmp_path.iterdir() if each.name[0] == "a") == ["a"]


def test_rerun_of_what_was_altered(altered, interp, example):
    answer = interp("rerun", "b", "--registry", example, "--json")
    assert answer.code == 1
    assert answer.json["same"] is False and answer.json["bundle"] is None


def test_rerun_does_not_need_the_image_file(run, interp, example, picture):
    run("a")
    picture.unlink()
    assert interp("rerun", "a", "--registry", example).code == 0


def test_rerun_of_a_comparison(interp, example, picture):
    flags = ("--model", "toy", "--image", picture, "--registry", example)
    interp("compare", "--plugins", "occlude-grid", "--out", "c", *flags)
    answer = interp("rerun", "c", "--out", "d", "--registry", example)
    assert answer.code == 0 and answer.out.splitlines()[-1] == "bundle: d"
    assert interp("diff", "c", "d").out.startswith("the same")


def test_slips(run, interp, tmp_path):
    run("a")
    (tmp_path / "empty").mkdir()
    for words in (("diff", "a", "empty"), ("diff", "a", "nowhere"), ("rerun", "empty")):
        answer = interp(*words)
        assert answer.code == 2 and "expected a folder that run or compare wrote" in answer.err
