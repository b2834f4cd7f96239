"""`interp list` and `interp show`."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

EVERY = ("method", "model", "adapter", "dataset", "renderer", "command")


def test_list_shows_every_kind_and_the_broken(interp, package):
    name = package("", "entries: [", installed=True)
    answer = interp("list")
    lines = answer.out.splitlines()
    assert answer.code == 0
    assert set(EVERY) | {"broken"} <= set(lines)
    assert any(line.startswith(f"  {name}") and "not valid YAML" in line for line in lines)
    assert any("toy" in line and "A toy" in line for line in lines)


def test_list_json(interp):
    facts = interp("list", "--json").json
    assert {"kind", "name", "package", "summary"} <= facts["entries"][0].keys()
    assert facts["broken"] == []
    assert ["greet"] in [each["names"] for each in facts["hooks"]]


@pytest.mark.parametrize("word", ["readout", "readouts"])
def test_list_of_one_kind(interp, word):
    answer = interp("list", word)
    names = [line.split()[0] for line in answer.out.splitlines()]
    assert {"classes", "value", "pixels", "similarity"} <= set(names)
    assert "mint" not in names
    kinds = {each["kind"] for each in interp("list", word, "--json").json["entries"]}
    assert kinds == {"readout"}


def test_list_of_an_unknown_kind(interp):
    answer = interp("list", "readotus")
    assert answer.code == 2
    assert answer.err == "error: found no kind 'readotus'; did you mean 'readouts' or 'readers'?\n"


def test_show_describes_a_readout_and_its_parameters(interp):
    answer = interp("show", "pixels")
    assert "each set by --readout pixels --readout-param KEY=VALUE" in answer.out
    assert "region=predicted" in answer.out
    parameters = interp("show", "similarity", "--json").json["parameters"]
    assert [each["name"] for each in parameters] == ["reference", "prompts", "tower"]


def test_show_describes_a_method_and_its_parameters(interp, example):
    answer = interp("show", "occlude-grid", "--registry", example)
    assert "needs    predict" in answer.out
    assert "cells=8  integer  >= 2, <= 64  cells along each side of the grid" in answer.out


def test_show_json(interp, example):
    facts = interp("show", "occlude-grid", "--registry", example, "--json").json
    assert facts["parameters"] == [
        {
            "name": "cells",
            "type": "integer",
            "default": 8,
            "description": "cells along each side of the grid",
            "bounds": ">= 2, <= 64",
            "choices": [],
            "local": False,
        }
    ]


def test_show_other_kinds(interp):
    assert interp("show", "noise").out.startswith("noise: dataset of ")
    assert interp("show", "toy", "--json").json["kind"] == "adapter"
    assert interp("show", "toy", "--kind", "model", "--json").json["summary"] == "A toy"


def test_show_lists_the_parameters_of_a_readout(interp):
    answer = interp("show", "boxes")
    assert "each set by --readout boxes --readout-param KEY=VALUE" in answer.out
    assert "threshold=0.5" in answer.out
    named = [each["name"] for each in interp("show", "boxes", "--json").json["parameters"]]
    assert named[:2] == ["layout", "decode"]


def test_show_cites_the_paper(interp):
    facts = interp("list", "--json").json
    mint = next(each for each in facts["entries"] if each["name"] == "mint")
    assert mint["paper"]["year"] == 2019
    shown = " ".join(interp("show", "mint").out.split())
    assert "paper Xinrui Cui, Dan Wang, Z. Jane Wang: Multi-Scale" in shown
    assert ". IEEE Transactions on Multimedia, 2019, doi:10.1109/" in shown


def test_show_gives_each_picture_a_line(interp):
    shown = interp("show", "chip").out
    assert re.search(r"^  pictures +map: Where the channels", shown, re.MULTILINE)
    assert re.search(r"^ +similarity: How alike two classes are", shown, re.MULTILINE)
    assert "*" not in shown


def test_show_says_when_a_method_misleads(interp):
    answer = interp("show", "attention-rollout")
    assert re.search(r"^  misleads +The map is the same for every class", answer.out, re.MULTILINE)


def test_unknown_name(interp):
    answer = interp("show", "creatures-vg")
    assert answer.code == 2
    assert answer.err == (
        "error: nothing is registered as 'creatures-vg'; "
        "did you mean 'creatures-vgg' or 'creatures-vit' or 'creatures-csg'?\n"
    )


def test_help_names_the_commands_of_packages(interp):
    told = interp("--help").out.partition("Commands of packages:")[2]
    assert {line.split()[0] for line in told.strip().splitlines()} >= {"dashboard", "greet"}
    assert "dashboard  from interp_dashboard" in told


LIGHT = [["list"], ["list", "--json"], ["--help"], ["run", "--help"], ["evaluate", "--help"], []]


@pytest.mark.parametrize("words", LIGHT)
def test_starts_without_heavy_imports(words):
    code = (
        "import sys; from interp.cli import main; code = main(sys.argv[1:]);"
        "heavy = {'torch', 'numpy', 'cv2', 'streamlit', 'skimage', 'rich', 'onnx', 'PIL', 'jinja2'}"
        " & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy or code else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("words", [["list"], ["--help"], ["run", "--help"]])
def test_starts_within_half_a_second_of_processor_time(words):
    code = (
        "import sys, time; from interp.cli import main; main(sys.argv[1:]);"
        "sys.stderr.write(str(time.process_time()))"
    )
    command = [sys.executable, "-c", code, *words]
    runs = [subprocess.run(command, capture_output=True, text=True) for _ in range(5)]
    assert min(float(each.stderr) for each in runs) < 0.5


def test_show_of_a_composition_names_its_parts_by_kind(interp):
    parts = "perturbation: smooth-cells weighting: uniform solver: mean defaults: samples: 4000"
    assert parts in " ".join(interp("show", "rise").out.split())
