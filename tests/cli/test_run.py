"""`interp run` and `interp rerun`, from flags to a folder."""

from __future__ import annotations

import json

import numpy as np
import pytest

from interp.errors import RegistryError
from interp.opening.named import default_model
from interp.registry import Registry
from interp.result.bundle import open_bundle


@pytest.fixture
def run(interp, example, picture, tmp_path):
    """`interp run` of the example method on the toy model."""

    def call(*words):
        return interp(
            *("run", "--plugin", "occlude-grid", "--model", "toy", "--image", picture),
            *("--registry", example, *words),
        )

    call.path = tmp_path.joinpath
    return call


def test_run_json_and_bundle(run):
    answer = run("--json", "--out", "made", "--set", "cells=4", "--target", "bee", "--seed", "5")
    facts = answer.json
    assert facts["bundle"] == "made"
    assert facts["method"] == "occlude-grid"
    assert facts["model"] == "toy"
    assert facts["targets"] == ["bee"]
    assert facts["samples"] == 17
    assert facts["seconds"] > 0
    assert facts["scores"] == {}
    assert answer.err == ""
    request, explanation = open_bundle(run.path("made"))
    assert (request.params, request.seed, request.targets) == ({"cells": 4}, 5, ("bee",))
    assert np.abs(explanation.evidence[0].values).max() > 0


def test_run_tells_what_it_did(run, tmp_path):
    answer = run("--target", "cat", "--target", "ant, not bee")
    lines = answer.out.splitlines()
    assert lines[0].startswith("occlude-grid on toy (cpu): 65 samples in ")
    assert lines[1].startswith(str(tmp_path / "square.png"))
    pictures = [line for line in lines if line.endswith(".png")]
    assert len(pictures) == 2
    assert all((tmp_path / each).is_file() for each in pictures)
    assert "occlude-grid-square" in lines[-1]


def test_rerun_repeats(run, interp, example):
    run("--out", "first", "--set", "cells=3")
    answer = interp("rerun", "first", "--out", "second", "--registry", example, "--json")
    first, second = (open_bundle(run.path(each))[1] for each in ("first", "second"))
    assert answer.json["bundle"] == "second"
    assert np.array_equal(first.evidence[0].values, second.evidence[0].values)


def test_default_folders_do_not_collide(run):
    folders = {run("--json", "--set", "cells=2").json["bundle"] for _ in range(3)}
    assert len(folders) == 3


def test_a_method_is_named_by_either_word(interp, example, picture):
    words = ("--model", "toy", "--image", picture, "--registry", example, "--json", "--cells", "2")
    for word in ("--plugin", "--method"):
        assert interp("run", word, "occlude-grid", *words).json["method"] == "occlude-grid"


def test_resume_is_accepted_and_needs_a_folder(run):
    assert run("--cells", "2", "--out", "made", "--resume").code == 0
    answer = run("--cells", "2", "--resume")
    assert answer.code == 2 and "--resume goes on with a run of yours" in answer.err


def test_every_flag_reaches_the_request(run, tmp_path):
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    flags = ["--input", "size=16,mean=.5,.4,.3", "--input", "order=BGR", "--device", "cpu"]
    flags += ["--precision", "fp32", "--classes", "names.txt", "--weights", "w.pth"]
    flags += ["--activation", "sigmoid", "--readout", "classes", "--output-name", "scores"]
    flags += ["--pixels", "float", "--readout-param", "limit=3"]
    run("--out", "made", "--budget", "2m", "--batch-size", "7", *flags)
    saved = json.loads((tmp_path / "made/request.json").read_text())
    assert saved["options"] == {
        "weights": "w.pth",
        "input": {"size": [16, 16], "mean": [0.5, 0.4, 0.3], "order": "BGR"},
        "classes": "names.txt",
        "activation": "sigmoid",
        "readout": "classes",
        "readout_params": {"limit": 3},
        "output_name": "scores",
        "pixels": "float",
        "device": "cpu",
        "precision": "fp32",
    }
    assert saved["budget"]["seconds"] == 120
    assert saved["budget"]["batch_size"] == 7


def test_a_method_may_have_a_default_model_of_its_own():
    registry = Registry.load()
    found = {name: default_model(registry, name) for name in ("mint", "csg", "decoupling")}
    assert found == {
        "mint": "creatures-vgg",
        "csg": "creatures-csg",
        "decoupling": "creatures-decoupled",
    }
    with pytest.raises(RegistryError, match="unknown method 'mimt'; did you mean 'mint'"):
        default_model(registry, "mimt")
