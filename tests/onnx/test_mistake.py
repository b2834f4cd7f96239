"""Files that are no classifier of images, each answered with one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx import ModelProto, TensorProto, helper

from interp.errors import ModelError
from interp.spec import ModelOptions
from interp_onnx.opening import open_model

Make = Callable[..., ModelProto]


def second_input(model: ModelProto) -> None:
    mask = helper.make_tensor_value_info("mask", TensorProto.FLOAT, ("n", 1))
    model.graph.input.append(mask)


def answer_map(model: ModelProto) -> None:
    del model.graph.node[2:]
    model.graph.node[1].output[0] = "scores"
    model.graph.output[0].type.CopyFrom(
        helper.make_tensor_type_proto(TensorProto.FLOAT, ("n", 5, 12, 12))
    )


def undeclared_map(model: ModelProto) -> None:
    answer_map(model)
    model.graph.output[0].type.tensor_type.ClearField("shape")


def image_of(kind: int, *shape: int | str) -> Callable[[ModelProto], None]:
    def change(model: ModelProto) -> None:
        model.graph.input[0].type.CopyFrom(helper.make_tensor_type_proto(kind, shape))

    return change


def answer_labels(model: ModelProto) -> None:
    model.graph.output[0].type.CopyFrom(helper.make_tensor_type_proto(TensorProto.INT64, ("n",)))


def unknown_operation(model: ModelProto) -> None:
    model.graph.node[1].op_type = "NoSuchOperation"


def infinite(model: ModelProto) -> None:
    model.graph.node[1].op_type = "Log"


CHANGED = [
    (second_input, r"takes 2 inputs \(image: float .*, mask: float .*\); expected one image"),
    (image_of(TensorProto.FLOAT, "n", 10), r"takes image: float \(\?, 10\); expected an image"),
    (image_of(TensorProto.INT64, "n", 3, 24, 24), "takes image: int64 .*; expected an image"),
    (
        image_of(TensorProto.FLOAT, "n", 4, 24, 24),
        "fails .* with 4 channels: .*Input channels",
    ),
    (answer_map, r"answers scores: float \(\?, 5, 12, 12\); expected one output of class scores"),
    (undeclared_map, r"answers \(2, 5, 12, 12\) to 2 images"),
    (answer_labels, "answers scores: int64"),
    (unknown_operation, "onnxruntime cannot open it: .*NoSuchOperation"),
    (infinite, "answers NaN or infinity"),
]


def refused(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        open_model(str(path), ModelOptions(device="cpu"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("change", "message"), CHANGED)
def test_wrong_models(small: Make, tmp_path: Path, change: Any, message: str) -> None:
    model = small()
    change(model)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=message):
        open_model(str(path), ModelOptions(device="cpu"))
    assert refused(path)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"opset": 99}, "found opset 99, onnxruntime .* reads up to"),
        ({"ir_version": 99}, "IR version: 99, max supported IR version"),
        ({"opset": 3}, "3"),
    ],
)
def test_versions_that_are_not_read(
    small: Make, tmp_path: Path, given: dict[str, int], found: str
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(small(**given).SerializeToString())
    assert re.search(f"onnxruntime cannot open it: .*{found}", refused(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"not a model at all", "cannot be read as ONNX|holds no ONNX graph"),
        (b"\x08\x08", "holds no ONNX graph"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        open_model(str(path), ModelOptions(device="cpu"))


def test_missing_file(tmp_path: Path) -> None:
    assert "no model file" in refused(tmp_path / "model.onnx")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.99])
def test_truncated_files(small: Make, tmp_path: Path, share: float) -> None:
    content = small().SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(content[: int(len(content) * share)])
    assert refused(path)


@pytest.mark.parametrize("what", ["observe_shapes", "sketch_layers", "extract"])
def test_inner_tensors_that_onnxruntime_cannot_read(
    small: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A file may answer scores, and be damaged in a way that only a look inside shows."""

    def fail(*_: object) -> None:
        raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL : Incompatible dimensions")

    path = tmp_path / "small.onnx"
    path.write_bytes(small().SerializeToString())
    model = open_model(str(path), ModelOptions(device="cpu"))
    if what == "extract":
        layer, images = model.layers()[0].name, model._probe
    monkeypatch.setattr(f"interp_onnx.adapter.{what}", fail)
    monkeypatch.setattr(type(model), "_sights", {})  # so that layouts are measured
    with pytest.raises(ModelError, match=r"small answers scores.*\(Incompatible dim.*export it"):
        model.activations(images, [layer]) if what == "extract" else model.layers()
