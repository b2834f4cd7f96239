"""An uploaded model that does not say its input: chosen by its answers, and kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from interp.explanation import Prediction
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_dashboard import upload
from interp_dashboard.input_view import COLOUR
from interp_dashboard.model import Answer, AskUnder
from interp_dashboard.text import on_page
from interp_dashboard.upload import take_model, with_input


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "assumed; set with --input mean=.5,.5 --input std=.1,.2; more",
            "assumed; set with mean=.5,.5,std=.1,.2 in the field Input of Upload a model; more",
        ),
        (
            "name them with --classes FILE",
            "name them with a file of Class names under Upload a model",
        ),
        (
            "x exists and is not empty; expected a new folder; name another with --out",
            "x exists and is not empty; expected a new folder",
        ),
        (
            "one class among several; --activation sigmoid if not",
            "one class among several; --activation sigmoid on the command line if not",
        ),
        ("nothing to say", "nothing to say"),
    ],
)
def test_hints_speak_of_the_page(said, shown):
    assert on_page(said) == shown


def test_answers_differ_by_the_input(tmp_path, network):
    path = tmp_path / "net.onnx"
    path.write_bytes(network())
    image = np.full((8, 8, 3), (200, 100, 0), np.uint8)
    found = AskUnder(str(path), image, {**COLOUR, "wrong": {"mean": (0.0,)}})()
    assert isinstance(found["wrong"], str)
    scores = {name: found[name].prediction.probabilities for name in COLOUR}
    assert scores["0 to 1"] != scores["ImageNet"] != scores["0 to 255"]
    assert found["Caffe: BGR, 0 to 255 less the mean"].prediction.indices[0] == 2


def test_a_choice_is_kept_beside_the_model(tmp_path, monkeypatch, network):
    tried = []
    monkeypatch.setattr(upload, "_try", lambda *given: tried.append(given))
    one = take_model("net.onnx", network(), tmp_path, b"ant\nbee\nfly\n")
    two = with_input(one, COLOUR["−1 to 1"])
    assert one.read_bytes() == two.read_bytes()
    assert one.parent.parent == two.parent.parent, "one process is that of both"
    card = json.loads(two.with_name("net.onnx.interp.yaml").read_text())
    assert card["input"] == {"mean": [0.5] * 3, "std": [0.5] * 3}
    spec = open_model(str(two), ModelOptions(device="cpu"), Registry.load()).spec
    assert (spec.classes, spec.input.mean) == (("ant", "bee", "fly"), (0.5, 0.5, 0.5))
    assert not any("normalisation" in each for each in spec.notes)
    assert with_input(one, COLOUR["−1 to 1"]) == two
    assert len(tried) == 2


def test_it_is_chosen_on_the_page(visit, monkeypatch, network):
    """In this process, as the tests of workers hold those to it."""
    monkeypatch.setattr(upload, "_try", lambda *_: None)
    for name in ("session.is_own", "model.is_own", "work.is_own"):
        monkeypatch.setattr(f"interp_dashboard.{name}", lambda _: False)
    opened, take = [], upload.take_model
    monkeypatch.setattr(
        "interp_dashboard.choice.model.take_model", lambda *given: opened.append(1) or take(*given)
    )
    visitor = visit("compare", method="centre")
    visitor.page.file_uploader(key="model file").set_value(("net.onnx", network(), "")).run()
    assert visitor.errors == []
    assert "mean=0.485,0.456,0.406,std=" in visitor.words.replace(r"\_", "_")
    shown = [each.label for each in visitor.page.button]
    assert shown.count("Take it") == len(COLOUR)
    take_it = next(e for e in visitor.page.button if str(e.key).startswith("take −1 to 1"))
    take_it.click().run()
    assert visitor.errors == []
    path = visitor.session.models["net.onnx"]
    assert "0.5" in path.with_name("net.onnx.interp.yaml").read_text()
    assert "Take it" not in [each.label for each in visitor.page.button]
    visitor.page.run()
    assert len(opened) == 1, "the file was opened again for nothing"
    assert visitor.session.models["net.onnx"] == path


def test_a_flat_answer_is_warned_of(visit, monkeypatch):
    flat = Prediction(("a", "b"), (0, 1), (0.11, 0.1))
    answer = Answer(flat, tuple("abcdefghij"))
    monkeypatch.setattr("interp_dashboard.page.compare.predict", lambda *_: answer)
    visitor = visit("compare", method="centre")
    assert any("nearly the same probability, 1/10" in each for each in visitor.warnings)
