"""Opening files: what is guessed, what is fixed, and one line for what cannot be opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper

from interp.errors import ModelError
from interp.network.scores import VARIES
from interp.spec import Capability, ModelOptions
from interp_onnx import session
from interp_onnx.opening import open_model

CPU = ModelOptions(device="cpu")
Make = Callable[..., ModelProto]


def refused(path: Path, options: ModelOptions = CPU) -> str:
    """The one line that a bad file is answered with."""
    with pytest.raises(ModelError) as caught:
        open_model(str(path), options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def save(model: ModelProto, folder: Path, **external: Any) -> Path:
    path = folder / "model.onnx"
    onnx.save(model, path, **external)
    return path


@pytest.mark.parametrize("opset", [11, 13, 17, 22])
@pytest.mark.parametrize("batch", ["n", 1, 2])
def test_any_batch_and_opset(small: Make, opened: Any, opset: int, batch: int | str) -> None:
    image, scores = (batch, 3, 24, 24), (batch, 4)
    model = opened(small(image=image, scores=scores, opset=opset))
    assert model.spec.input.size == (24, 24)
    assert model.network.batch is None
    images = torch.rand(3, 3, 24, 24)
    alone = torch.cat([model.predict(each[None]) for each in images])
    torch.testing.assert_close(model.predict(images), alone)
    frontier = model.cut("active").prefix(images)
    found = model.cut("active").suffix(frontier, frontier.activation)
    torch.testing.assert_close(found, alone)


def test_reshapes_made_for_one_image_are_freed(hand_made: Make, opened: Any) -> None:
    matrix = np.random.default_rng(0).normal(size=(1728, 4)).astype(np.float32)
    nodes = [
        helper.make_node("Reshape", ["image", "parts"], ["split"]),
        helper.make_node("Relu", ["split"], ["active"]),
        helper.make_node("Reshape", ["active", "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "matrix"], ["scores"]),
    ]
    parts, flat = np.array([1, 3, 12, 48]), np.array([1, 1728])
    weights = {"parts": parts, "flat": flat, "matrix": matrix}
    model = opened(hand_made(nodes, weights, (1, 3, 24, 24), (1, 4)))
    assert model.network.batch is None
    images = torch.rand(3, 3, 24, 24)
    expected = model.network.encode(images).relu().flatten(1) @ torch.from_numpy(matrix)
    torch.testing.assert_close(model.predict(images), expected, rtol=1e-4, atol=1e-4)


def test_a_batch_that_cannot_be_freed_runs_one_by_one(hand_made: Make, opened: Any) -> None:
    generator = np.random.default_rng(0)
    weights = {
        "kernel": generator.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "token": generator.normal(size=(1, 1, 22, 22)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["hidden"], name="stem"),
        helper.make_node("Tanh", ["hidden"], ["active"], name="act"),
        helper.make_node("Concat", ["active", "token"], ["joined"], axis=1),
        helper.make_node("GlobalAveragePool", ["joined"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["scores"]),
    ]
    model = opened(hand_made(nodes, weights, (1, 3, 24, 24), (1, 5)))
    assert model.network.batch == 1
    assert any("run 1 at a time" in note for note in model.spec.notes)
    assert Capability.CUT in model.capabilities
    images = torch.rand(3, 3, 24, 24)
    scores = model.predict(images)
    cut = model.cut("act")
    many, one = cut.prefix(images), cut.prefix(images[:1])
    torch.testing.assert_close(cut.suffix(many, many.activation), scores)
    torch.testing.assert_close(
        cut.suffix(one, one.activation.expand(2, -1, -1, -1)), scores[:1].expand(2, -1)
    )


def test_a_graph_that_draws_at_random_is_told(hand_made: Make, opened: Any) -> None:
    for draw, told in (("RandomNormalLike", True), ("Identity", False)):
        nodes = [
            helper.make_node(draw, ["image"], ["drawn"]),
            helper.make_node("Mul", ["image", "drawn"], ["mixed"]),
            helper.make_node("GlobalAveragePool", ["mixed"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["scores"]),
        ]
        model = opened(hand_made(nodes, {}, (1, 3, 24, 24), (1, 3)))
        assert (VARIES in model.spec.notes) is told


def test_channels_last(small: Make, opened: Any) -> None:
    plain = opened(small())
    images = torch.rand(2, 3, 24, 24)
    expected = plain.predict(images)
    known = {layer.name: layer.field for layer in plain.layers()}
    model = small()
    model.graph.node[0].input[0] = "turned"
    turn = helper.make_node("Transpose", ["image"], ["turned"], perm=[0, 3, 1, 2])
    model.graph.node.insert(0, turn)
    shape = helper.make_tensor_value_info("image", TensorProto.FLOAT, ("n", 24, 24, 3))
    model.graph.input[0].CopyFrom(shape)
    last = opened(model)
    assert any("NHWC" in note for note in last.spec.notes)
    torch.testing.assert_close(last.predict(images), expected)
    fields = {layer.name: layer.field for layer in last.layers()}
    assert fields["active"] == known["active"] is not None
    frontier = last.cut("hidden").prefix(images)
    torch.testing.assert_close(last.cut("hidden").suffix(frontier, frontier.activation), expected)


def test_constants_may_be_nodes_and_weights_inputs(small: Make, opened: Any) -> None:
    expected = opened(small()).predict(torch.ones(1, 3, 24, 24))
    model = small()
    kernel = model.graph.initializer[0]
    model.graph.node.insert(0, helper.make_node("Constant", [], ["kernel"], value=kernel))
    del model.graph.initializer[0]
    matrix = helper.make_tensor_value_info("matrix", TensorProto.FLOAT, (5, 4))
    model.graph.input.append(matrix)
    found = opened(model)
    torch.testing.assert_close(found.predict(torch.ones(1, 3, 24, 24)), expected)
    assert found.layer("active").cost_after == pytest.approx(20 / (12 * 12 * 5 * 27 + 20), abs=1e-5)


def test_probabilities_are_noticed(small: Make, opened: Any) -> None:
    model = small()
    model.graph.node[-1].output[0] = "logits"
    model.graph.node.append(helper.make_node("Softmax", ["logits"], ["scores"], axis=1))
    found = opened(model)
    assert found.spec.activation == "none"
    assert any("probabilities" in note for note in found.spec.notes)
    plain = opened(small())
    scores, logits = (each.predict(torch.full((2, 3, 24, 24), 0.5)) for each in (found, plain))
    torch.testing.assert_close(found.probabilities(scores), plain.probabilities(logits))
    assert found.probabilities(scores, "logprob").isfinite().all()


def test_fingerprint_and_origin(small: Make, opened: Any) -> None:
    first, model = opened(small()).spec, small()
    helper.set_model_props(model, {"interp.origin": "abc"})
    second = opened(model).spec
    assert (first.origin, second.origin) == (None, "abc")
    assert first.fingerprint == second.fingerprint
    changed = numpy_helper.to_array(model.graph.initializer[0]) * 2
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(changed, "kernel"))
    assert opened(model).spec.fingerprint != first.fingerprint


def test_files_without_constants_are_told_apart(opened: Any) -> None:
    found = []
    for kind in ("Sigmoid", "Tanh"):
        nodes = [
            helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
            helper.make_node(kind, ["mean"], ["bounded"]),
            helper.make_node("Flatten", ["bounded"], ["scores"]),
        ]
        image, scores = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("image", ("n", 3, 24, 24)), ("scores", ("n", 3)))
        )
        graph = helper.make_graph(nodes, "no weights", [image], [scores])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        found.append(opened(model).spec.fingerprint)
    assert found[0] != found[1]


def test_sidecar_and_classes(small: Make, tmp_path: Path) -> None:
    path = save(small(image=("n", 3, "h", "w")), tmp_path)
    (tmp_path / "model.onnx.interp.yaml").write_text(
        "input: {size: [20, 28], mean: [0, 0, 0], std: [1, 1, 1]}\n"
        "classes: [a, b, c, d]\nactivation: softmax\n"
    )
    model = open_model(str(path), CPU)
    assert model.spec.input.size == (20, 28)
    assert model.spec.classes == ("a", "b", "c", "d")
    assert model.spec.notes == ()
    assert model.layer("active").grid == (10, 14)


def test_external_weights_come_from_the_models_folder_only(small: Make, tmp_path: Path) -> None:
    external = {"save_as_external_data": True, "size_threshold": 0, "location": "weights.bin"}
    (tmp_path / "in").mkdir()
    path = save(small(), tmp_path / "in", **external)
    assert open_model(str(path), CPU).spec.classes
    (tmp_path / "in" / "weights.bin").rename(tmp_path / "weights.bin")
    assert "'weights.bin' is missing beside the model" in refused(path)
    model = onnx.load(path, load_external_data=False)
    for place, words in (
        ("../weights.bin", "outside the model's folder"),
        ("a\0b", "outside the model's folder"),
        ("x" * 5000, "is missing beside the model"),
    ):
        for each in model.graph.initializer:
            each.external_data[0].value = place
        path.write_bytes(model.SerializeToString())
        assert words in refused(path)


@pytest.mark.parametrize("size", [(3, 2**20, 2**20), (2**31, 8, 8), (3, 0, 8)])
def test_an_input_beyond_all_images_is_refused(small: Make, tmp_path: Path, size) -> None:
    model = small()
    for axis, side in zip(model.graph.input[0].type.tensor_type.shape.dim[1:], size, strict=True):
        axis.dim_value = side
    assert refused(save(model, tmp_path))


def test_options_that_do_not_fit(small: Make, tmp_path: Path) -> None:
    path = save(small(), tmp_path)
    sized = ModelOptions(device="cpu", input={"size": (32, 32)})
    assert "takes images of 24x24 only; found size 32x32" in refused(path, sized)
    assert "leave out --weights" in refused(path, ModelOptions(weights="a.pth"))
    assert "leave out --precision bf16" in refused(path, ModelOptions(precision="bf16"))
    assert "unknown device 'tpu'" in refused(path, ModelOptions(device="tpu"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_demanded_gpu_is_never_replaced(small: Make, tmp_path: Path) -> None:
    message = refused(save(small(), tmp_path), ModelOptions(device="cuda"))
    assert "CUDA" in message


def test_both_builds_of_onnxruntime(small: Make, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(session, "distribution", lambda name: name)
    assert "overwrite each other" in refused(save(small(), tmp_path))
