"""`interp layers` and `interp predict`."""

from __future__ import annotations

import numpy as np


def test_layers(interp):
    answer = interp("layers", "toy")
    heads, first, second = (line.split() for line in answer.out.splitlines()[1:])
    assert answer.out.startswith("toy: input 32 x 32, 3 classes, cpu")
    assert heads[:3] == ["layer", "kind", "channels"]
    assert first == "conv1 ReLU 4 32 x 32 3 x 3 33.0% graph".split()
    assert second == "conv2 ReLU 6 16 x 16 5 x 5 1.0% graph".split()


def test_the_model_is_an_argument_or_an_option(interp):
    assert interp("layers", "--model", "toy").out == interp("layers", "toy").out
    for command in (("layers",), ("export", "--out", "a.onnx")):
        assert "found no model; expected one" in interp(*command).err
        told = interp(*command, "toy", "--model", "other")
        assert told.code == 2 and "found the models toy and other" in told.err
    assert "toy cannot be exported" in interp("export", "--model", "toy", "--out", "a.onnx").err


def test_layers_json(interp):
    facts = interp("layers", "toy", "--json").json
    assert [each["name"] for each in facts["layers"]] == ["conv1", "conv2"]
    assert "cut" in facts["capabilities"]
    assert facts["model"]["classes"] == ["ant", "bee", "cat"]


def test_predict(interp, picture):
    answer = interp("predict", "--model", "toy", "--image", picture, "--json")
    found = answer.json["predictions"][0]
    assert sorted(found["classes"]) == ["ant", "bee", "cat"]
    assert abs(sum(found["probabilities"]) - 1) < 1e-5
    assert found["probabilities"] == sorted(found["probabilities"], reverse=True)
    text = interp("predict", "--model", "toy", "--image", picture).out
    assert f"square.png: {found['classes'][0]} 0." in text


def test_predict_tells_what_was_assumed(interp, tmp_path):
    from PIL import Image

    narrow = np.full((8, 8), 4095, np.uint16)
    for name in ("a.png", "b.png"):
        Image.fromarray(narrow).save(tmp_path / name)
    words = ["--image", str(tmp_path / "a.png"), "--image", str(tmp_path / "b.png")]
    text = interp("predict", "--model", "toy", *words).out
    assert "note: " in text and "a.png, " in text and "values reach 4095 of 65535" in text
    (note,) = interp("predict", "--model", "toy", *words, "--json").json["notes"]
    assert note in text
    assumed = interp("predict", "--model", "torchvision.models:squeezenet1_1").out
    for guess in ("input size", "normalisation", "class names"):
        assert f"no {guess} given" in assumed


def test_predict_several_images(interp, picture):
    answer = interp("predict", "--model", "toy", "--image", picture, "--image", picture, "--json")
    assert len(answer.json["predictions"]) == 2


def test_predict_tells_what_is_assumed_and_activation_settles_it(interp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.py").write_text(
        "from torch import nn\n"
        "def net():\n"
        "    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))\n"
    )
    given = ("predict", "--model", "one:net", "--input", "size=8,mean=0,0,0,std=1,1,1")
    assumed = "note: scores are read as one class among several; --activation sigmoid if not"
    assert assumed in interp(*given).out
    assert assumed not in interp(*given, "--activation", "sigmoid").out
    values = interp(*given, "--readout", "value").out
    assert "value 0" in values and assumed not in values
    wrong = interp(*given, "--readout", "vale")
    assert wrong.code == 2 and "did you mean 'value'" in wrong.err
