"""An uploaded model that passes the check and never answers to an image hinders nobody else."""

from __future__ import annotations

import threading
import time

import pytest
from onnx import TensorProto, helper

from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.storage.image import open_image
from interp_dashboard import model
from interp_dashboard.upload import take_model


def scalar(name, kind, value):
    return helper.make_tensor(name, kind, [], [value])


def endless(network, first):
    """A file of an ONNX model that loops 2^50 times on an image that has this first pixel."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still"]),
            helper.make_node("Add", ["held", "step"], ["kept"]),
        ],
        "body",
        [
            value("turn", TensorProto.INT64, []),
            value("going", TensorProto.BOOL, []),
            value("held", TensorProto.FLOAT, []),
        ],
        [value("still", TensorProto.BOOL, []), value("kept", TensorProto.FLOAT, [])],
        [scalar("step", TensorProto.FLOAT, 0.0)],
    )
    nodes = [
        helper.make_node("Slice", ["image", "start", "stop"], ["corner"]),
        helper.make_node("Squeeze", ["corner"], ["colour"]),
        helper.make_node("Sub", ["colour", "first"], ["change"]),
        helper.make_node("Abs", ["change"], ["apart"]),
        helper.make_node("ReduceMax", ["apart"], ["most"], keepdims=0),
        helper.make_node("Less", ["most", "bound"], ["known"]),
        helper.make_node("Where", ["known", "many", "one"], ["turns"]),
        helper.make_node("Loop", ["turns", "", "zero"], ["end"], body=body),
        helper.make_node("Add", ["image", "end"], ["more"]),
    ]
    return network(
        nodes,
        [
            helper.make_tensor("start", TensorProto.INT64, [4], [0, 0, 0, 0]),
            helper.make_tensor("stop", TensorProto.INT64, [4], [1, 3, 1, 1]),
            helper.make_tensor("first", TensorProto.FLOAT, [3], first),
            scalar("bound", TensorProto.FLOAT, 1e-3),
            scalar("many", TensorProto.INT64, 1 << 50),
            scalar("one", TensorProto.INT64, 1),
            scalar("zero", TensorProto.FLOAT, 0.0),
        ],
    )


@pytest.fixture
def uploaded(network, tmp_path):
    """Let a visitor have the model."""

    def upload(visitor):
        folder = visitor.session.folder / "models"
        plain = tmp_path / "plain.onnx"
        plain.write_bytes(network())
        registry = Registry.load()
        image = open_image(registry.get("sample", "two"))
        shown = open_model(str(plain), ModelOptions(device="cpu"), registry).prepare(image)[0]
        content = endless(network, shown[:, 0, 0].tolist())
        path = take_model("endless.onnx", content, folder, fields="mean=0,0,0,std=1,1,1")
        visitor.session.models["endless.onnx"] = path

    return upload


@pytest.mark.slow
def test_a_model_that_never_answers_hinders_nobody(visit, uploaded, monkeypatch):
    monkeypatch.setattr(model, "PATIENCE", 12.0)
    visitor, other = visit("compare"), visit("compare")
    uploaded(visitor)
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
