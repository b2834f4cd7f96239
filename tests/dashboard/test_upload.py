"""Uploads: refused by what they are, opened under limits, and nothing left of what is refused."""

from __future__ import annotations

import io
import pickle
import threading
import time
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from interp.errors import InputError, ModelError
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_dashboard import model, upload
from interp_dashboard.upload import take_image, take_model


def png(size=(40, 30)):
    held = io.BytesIO()
    Image.new("RGB", size, (200, 10, 10)).save(held, "PNG")
    return held.getvalue()


def archive():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("data.pkl", "x")
    return held.getvalue()


def test_an_image_is_read():
    found = take_image("photo.png", png()).pixels
    assert found.shape == (30, 40, 3)
    assert (found == (200, 10, 10)).all()


def test_a_large_image_is_made_smaller():
    found = take_image("photo.png", png((2 * upload.LONGEST, upload.LONGEST)))
    assert "were scaled to" in found.notes[0]
    assert found.pixels.shape == (upload.LONGEST // 2, upload.LONGEST, 3)


@pytest.mark.parametrize("content", [b"", b"no picture at all", png()[:60]])
def test_a_corrupt_image_is_told_by_its_name(content):
    with pytest.raises(InputError, match=r"holiday\.png") as caught:
        take_image("holiday.png", content)
    assert "/" not in str(caught.value).split("holiday.png")[0]


def test_a_file_that_is_too_large_is_refused(monkeypatch, tmp_path, network):
    monkeypatch.setattr(upload, "LARGEST_IMAGE", 0)
    monkeypatch.setattr(upload, "LARGEST_MODEL", 0)
    with pytest.raises(InputError, match="at most 0 MB"):
        take_image("photo.png", png())
    with pytest.raises(InputError, match="at most 0 MB"):
        take_model("net.onnx", network(), tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("net.pt2", b"x", "can run code"),
        ("net.pth", b"x", "can run code"),
        ("net.PT", b"x", "can run code"),
        ("net.pkl", b"x", "pickles run code"),
        ("net.py", b"x", "it is code"),
        ("net.onnx", archive(), "it is an archive"),
        ("net.onnx", pickle.dumps({"a": 1}), "it is a pickle"),
        ("net.onnx", b"#!/bin/sh\n", "it is code"),
        ("net.h5", b"x", "expected an .onnx file"),
        ("net.onnx", b"", "empty"),
    ],
    ids=lambda each: each if isinstance(each, str) else f"{len(each)} bytes",
)
def test_what_can_run_code_is_refused_with_the_reason(name, content, reason, tmp_path):
    with pytest.raises(InputError, match=reason):
        take_model(name, content, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_model_is_opened_in_another_process_and_kept(tmp_path, monkeypatch, network):
    content = network()
    path = take_model("../my net?.onnx", content, tmp_path)
    assert path.read_bytes() == content
    assert path.is_relative_to(tmp_path)
    assert path.name == "my-net.onnx"
    monkeypatch.setattr(upload, "_try", lambda *_: pytest.fail("opened twice"))
    assert take_model("../my net?.onnx", content, tmp_path) == path


@pytest.mark.slow
def test_what_the_file_does_not_say_can_be_told(tmp_path, network):
    path = take_model("a.onnx", network(), tmp_path, b"ant\nbee\nfly\n", "mean=0,0,0,std=1,1,1")
    spec = open_model(str(path), ModelOptions(device="cpu"), Registry.load()).spec
    assert spec.classes == ("ant", "bee", "fly")
    assert spec.input.mean == (0, 0, 0)
    with pytest.raises(InputError, match="no field 'means'"):
        take_model("a.onnx", network(), tmp_path, fields="means=0")


@pytest.mark.slow
def test_what_a_model_answers_can_be_told(tmp_path, network):
    path = take_model("a.onnx", network(), tmp_path, readout="value")
    spec = open_model(str(path), ModelOptions(device="cpu"), Registry.load()).spec
    assert spec.readout == "value"
    with pytest.raises(ModelError, match=r"net\.onnx is refused: .*boxes"):
        take_model("net.onnx", network(), tmp_path, readout="boxes")


@pytest.mark.slow
def test_class_names_may_be_a_table_and_must_fit(tmp_path, network):
    table = b"index\tname\n2\tfly\n0\tant\n1\tbee\n"
    path = take_model("a.onnx", network(), tmp_path, table)
    spec = open_model(str(path), ModelOptions(device="cpu"), Registry.load()).spec
    assert spec.classes == ("ant", "bee", "fly")
    with pytest.raises(ModelError, match=r"refused: classes\.txt names 2 classes; .* 3 outputs"):
        take_model("a.onnx", network(), tmp_path, b"ant\nbee\n")


@pytest.mark.slow
def test_a_corrupt_model_is_refused(tmp_path, network):
    content = network()
    with pytest.raises(ModelError, match=r"net\.onnx is refused: .*net\.onnx"):
        take_model("net.onnx", content[: len(content) // 2], tmp_path)
    assert not list(tmp_path.rglob("*.onnx"))


@pytest.mark.slow
def test_a_model_that_takes_all_memory_is_refused(tmp_path, network):
    """A file of a few bytes that asks for 6 GB when it is asked."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [1], np.array([3 << 29]))
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Add", ["image", "sum"], ["more"]),
    ]
    with pytest.raises(ModelError, match=r"net\.onnx is refused"):
        take_model("net.onnx", network(nodes, [shape]), tmp_path)
    assert not list(tmp_path.rglob("*.onnx"))


@pytest.mark.slow
def test_a_model_that_takes_too_long_is_refused(tmp_path, monkeypatch, network):
    monkeypatch.setattr(upload, "SECONDS", 0.2)
    with pytest.raises(ModelError, match=r"did not answer within 0\.2 s"):
        take_model("net.onnx", network(), tmp_path)
    assert not list(tmp_path.rglob("*.onnx"))


def test_the_file_of_a_model_stays_alone(tmp_path, monkeypatch, network):
    """Weights beside the file would be read from where the visitor has no business."""
    monkeypatch.setattr(upload, "_try", lambda *_: None)
    one = take_model("a.onnx", network(), tmp_path)
    two = take_model("b.onnx", network([helper.make_node("Relu", ["image"], ["r"])]), tmp_path)
    assert one.parent != two.parent
    assert onnx.load(one).graph.node[0].op_type == "GlobalAveragePool"


def test_the_same_file_under_another_name_is_taken(tmp_path, monkeypatch, network):
    monkeypatch.setattr(upload, "_try", lambda *_: None)
    one, two = (take_model(name, network(), tmp_path) for name in ("a.onnx", "b.onnx"))
    assert (one.name, two.name) == ("a.onnx", "b.onnx")


@pytest.mark.slow
def test_a_model_that_never_answers_hinders_nobody(visit, endless, monkeypatch):
    monkeypatch.setattr(model, "PATIENCE", 12.0)
    visitor, other = visit("compare"), visit("compare")
    folder = visitor.session.folder / "models"
    path = take_model("endless.onnx", endless, folder, fields="mean=0,0,0,std=1,1,1")
    visitor.session.models["endless.onnx"] = path
    blocked = threading.Thread(target=visitor.page.run)
    blocked.start()
    begun = time.monotonic()
    other.tick("centre").press("Run").finish("compare")
    assert other.errors == []
    assert blocked.is_alive() or time.monotonic() - begun < 12
    blocked.join(60)
    assert not blocked.is_alive()
    assert len(visitor.errors) == 1
    assert "did not answer within 12 s" in visitor.errors[0]
