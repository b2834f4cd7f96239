"""Everything around a model runs on a function and on an endpoint: methods, reports, dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.command_line import command_line
from support.dataset import Colours
from support.server import mean_colours, serving

import interp
from interp.context import Budget
from interp.errors import InputError, InterpError, UnsupportedError
from interp.registry import Registry
from interp.registry.manifest import MethodEntry
from interp.session import Session
from interp.spec import Capability, ModelOptions

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs/models.md"
EXAMPLE = TESTS / "example_plugin/src/interp_example/registry.yaml"
OPTIONS = ModelOptions(input={"size": (24, 24)}, classes=("red", "green", "blue"))
FEW = Budget(samples=60)
IMAGE = np.full((30, 40, 3), 40, np.uint8)
IMAGE[:12, :16] = (250, 30, 30)
METHODS = [each for each in Registry.load().entries("method") if isinstance(each, MethodEntry)]
BLACK_BOX = [each.name for each in METHODS if set(each.needs or ()) == {Capability.PREDICT}]
OTHERS = [each.name for each in METHODS if each.name not in BLACK_BOX]


def colours(images: np.ndarray) -> np.ndarray:
    """Scores that follow the mean colours."""
    return 20 * mean_colours(images)


@pytest.fixture(params=["function", "endpoint"])
def model(request) -> Iterator[object]:
    """A function, and the address of a server that answers alike."""
    if request.param == "function":
        yield colours
        return
    with serving() as server:
        yield server.url


@pytest.mark.parametrize("method", BLACK_BOX)
def test_black_box_methods_find_what_counts(method):
    found = interp.explain(
        colours, IMAGE, method=method, target="red", options=OPTIONS, budget=Budget(samples=300)
    )
    if method in ("random", "centre", "edges"):
        return
    heat = found.map()
    assert heat[:12, :16].mean() > heat[12:, 16:].mean()
    assert found.provenance.model.name == "colours"


@pytest.mark.parametrize("method", OTHERS)
def test_methods_that_need_more_say_so_in_a_line(method):
    with pytest.raises(UnsupportedError, match=f"{method} needs .*; colours offers predict") as it:
        interp.explain(colours, IMAGE, method=method, options=OPTIONS)
    assert "\n" not in str(it.value)


def test_explain_with_class_names_alone():
    found = interp.explain(colours, IMAGE, classes=["r", "g", "b"], budget=FEW)
    assert found.provenance.method == "rise"
    assert found.provenance.targets == ("r",)
    with pytest.raises(InputError, match="is open already; give them to open_model"):
        interp.explain(interp.open_model(colours), IMAGE, classes=["r", "g", "b"])


def test_the_default_method_of_a_model_with_layers_stays():
    found = interp.explain("creatures-vgg", "sample", budget=Budget(samples=20))
    assert found.provenance.method == "mint"


def test_compare_with_a_report(model, tmp_path):
    out = tmp_path / "both"
    methods = ["rise", "occlusion", "gradcam"]
    both = interp.compare(model, IMAGE, methods=methods, options=OPTIONS, budget=FEW, out=out)
    outcomes = both.records[0].outcomes
    assert [each.error is None for each in outcomes] == [True, True, False]
    assert "gradcam needs CUT" in outcomes[2].error
    pages = "".join(each.read_text("utf-8") for each in out.glob("*.html"))
    assert "its fingerprint is made of its name and its answers" in pages
    given = {} if isinstance(model, str) else {"model": model}
    assert interp.rerun(out, **given).same


def test_rerun_of_another_function_is_refused(tmp_path):
    interp.explain(colours, IMAGE, options=OPTIONS, budget=FEW, out=tmp_path / "first")
    assert interp.rerun(tmp_path / "first", model=colours).same
    with pytest.raises(InputError, match="has the fingerprint"):
        interp.rerun(tmp_path / "first", model=lambda images: colours(images))
    with pytest.raises(InputError, match="repeat from Python"):
        interp.rerun(tmp_path / "first")


def test_evaluate(model, tmp_path):
    found = interp.evaluate(
        model,
        Colours(6),
        methods=["rise", "centre", "gradcam"],
        metrics=["deletion", "insertion", "sensitivity-n", "stability", "randomization"],
        options=OPTIONS.model_copy(update={"classes": ("blue", "green", "red")}),
        budget=FEW,
        out=tmp_path / "measured",
    )
    assert set(found.metrics) == {"deletion", "insertion", "sensitivity-n", "stability"}
    assert set(found.methods) >= {"rise", "centre"}
    assert found.refused.keys() == {"gradcam", "randomization"}
    assert "needs MODULE" in found.refused["randomization"]
    assert not any(each.failures for each in found.records)


def test_the_example_package_runs_on_it(model, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE.parents[1])
    session = Session(Registry.load([EXAMPLE]))
    call = {"options": OPTIONS, "target": "red", "session": session}
    found = interp.explain(model, IMAGE, method="occlude-grid", params={"cells": 4}, **call)
    heat = found.map()
    assert heat[:7, :10].mean() > abs(heat[15:, 20:]).mean()


def test_methods_share_what_the_function_answered():
    asked = []

    def counted(images):
        asked.append(len(images))
        return colours(images)

    model = interp.open_model(counted, options=OPTIONS)
    session, call = Session(), {"budget": FEW, "method": "rise"}
    interp.explain(model, IMAGE, target="red", session=session, **call)
    before = sum(asked)
    interp.explain(model, IMAGE, target="green", session=session, **call)
    assert sum(asked) - before <= 2


CODE = """
    import numpy as np

    def score(images):
        return np.asarray(images, float).mean((1, 2)) / 12

    score.interp_options = {"classes": ["r", "g", "b"], "input": {"size": (16, 16)}}
"""


def test_the_command_line(package, tmp_path, capsys):
    source = f"callable:{package(CODE)}:score"
    call = command_line(capsys, MODEL=source, OUT=str(tmp_path / "out"))
    done = call("run --plugin rise --model MODEL --budget 50 --out OUT --json")
    assert done.code == 0, done.err
    kept = json.loads((tmp_path / "out/manifest.json").read_text())
    assert source in json.dumps(kept) or source in (tmp_path / "out/request.json").read_text()
    assert call("rerun OUT").code == 0
    refused = call("run --plugin chip --model MODEL --budget 50")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "chip needs" in refused.err
    wrong = call("predict --model MODEL --pixels float-flat --input size=8")
    assert wrong.code == 2
    assert "score fails on float32 (4, 192)" in wrong.err
    assert call("predict --model MODEL --pixels float").code == 0
    assert call("layers --model MODEL").code in (0, 2)


def test_saved_class_names_are_plain(tmp_path):
    out = tmp_path / "first"
    interp.explain(colours, IMAGE, classes=np.array(["a", "b", "c"]), budget=FEW, out=out)
    assert json.loads((out / "request.json").read_text())["options"]["classes"] == ["a", "b", "c"]


@pytest.mark.parametrize("heading", ["A function as a model", "A scikit-learn pipeline on pixels"])
def test_the_examples_of_the_documentation(heading):
    text = DOCS.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    few = "budget=interp.Budget(samples=30), "
    code = re.sub(r"(interp\.(?:explain|compare)\([\w.]+, \"sample\", )", rf"\1{few}", code)
    names: dict[str, object] = {}
    exec(compile(code, str(DOCS), "exec"), names)
    if "pipeline" in names:
        assert names["found"].provenance.model.classes == ("bright", "dark")
        assert names["model"].spec.classes == ("bright", "dark")
        assert names["found"].provenance.model.activation == "none"
    else:
        assert names["found"].provenance.model.classes == ("red", "green", "blue")


def test_a_function_that_raises_an_error_of_interp():
    def strict(images):
        raise InputError("no such class")

    with pytest.raises(InterpError, match="no such class"):
        interp.open_model(strict)
