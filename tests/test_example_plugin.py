"""The example package in a fresh environment: installed, listed, shown and run by name."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

PACKAGE = Path(__file__).parent / "example_plugin"
OFFLINE = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")


@pytest.fixture(scope="module")
def interp(tmp_path_factory) -> Callable[..., str]:
    """`interp` in a fresh environment that holds the example and sees this one's packages."""
    folder = tmp_path_factory.mktemp("fresh")
    python = folder / "venv/bin/python"
    venv.create(folder / "venv", with_pip=False)
    own = _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    seen = sysconfig.get_path("purelib")
    (Path(own) / "seen.pth").write_text(f"import site; site.addsitedir({seen!r})\n")
    _run(sys.executable, "-m", "pip", "--python", python, "install", *OFFLINE, PACKAGE)
    return lambda *words: _run(python, "-m", "interp", *words, folder=folder)


def _run(*words: object, folder: Path | None = None) -> str:
    done = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_listed(interp):
    facts = json.loads(interp("list", "--json"))
    assert facts["broken"] == []
    assert "occlude-grid" in {each["name"] for each in facts["entries"]}


def test_shown(interp):
    assert "cells=8" in interp("show", "occlude-grid")


def test_run_by_name(interp):
    facts = json.loads(interp("run", "--plugin", "occlude-grid", "--set", "cells=4", "--json"))
    assert facts["method"] == "occlude-grid"
    assert facts["samples"] == 17
    assert len(facts["pictures"]) == 1


def test_run_on_onnx(interp, tmp_path):
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["scores"]),
    ]
    image, scores = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("image", ("n", 3, 24, 24)), ("scores", ("n", 3)))
    )
    graph = helper.make_graph(nodes, "mean colour", [image], [scores])
    opsets = [helper.make_opsetid("", 17)]
    path = tmp_path / "colour.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    facts = json.loads(
        interp("run", "--plugin", "occlude-grid", "--model", path, "--set", "cells=4", "--json")
    )
    assert facts["samples"] == 17
    assert facts["model"] == "colour"
