"""Which output is read, and every form of input: whole numbers, half precision, odd files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper

from interp.errors import ModelError
from interp.spec import ModelOptions
from interp.target import Target
from interp_onnx.adapter import OnnxAdapter
from interp_onnx.opening import open_model

SIZE = 8
PLAIN: dict[str, object] = {"mean": (0, 0, 0), "std": (1, 1, 1)}
RANDOM = np.random.default_rng(0)
WEIGHTS = {
    "kernel": RANDOM.normal(size=(5, 3, 3, 3)).astype(np.float32),
    "matrix": RANDOM.normal(size=(5, 4)).astype(np.float32),
}
BODY = [
    (("Conv", "image", "kernel"), "convolved"),
    (("Relu", "convolved"), "active"),
    (("GlobalAveragePool", "active"), "mean"),
    (("Flatten", "mean"), "features"),
    (("MatMul", "features", "matrix"), "scores"),
]
IMAGE = (TensorProto.FLOAT, ("n", 3, SIZE, SIZE))
SCORES = {"scores": (TensorProto.FLOAT, ("n", 4))}


def make(
    nodes: list[Any] = BODY,
    outputs: dict[str, Any] = SCORES,
    image: Any = IMAGE,
    weights: dict[str, np.ndarray] = WEIGHTS,
    listed: bool = False,
) -> ModelProto:
    """A model of ((operation, inputs...), outputs) pairs; `listed`: its weights are inputs too."""
    made = [
        helper.make_node(kind, given, [out] if isinstance(out, str) else out)
        for (kind, *given), out in nodes
    ]
    held = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    taken = [helper.make_tensor_value_info("image", *image)]
    if listed:
        taken += [helper.make_tensor_value_info(w.name, w.data_type, w.dims) for w in held]
    answers = [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()]
    graph = helper.make_graph(made, "net", taken, answers, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def opened(tmp_path: Path):
    """Opens a model with options."""

    def open_(model: ModelProto, **given: Any) -> OnnxAdapter:
        path = tmp_path / "model.onnx"
        onnx.save(model, path)
        said = {"size": (SIZE, SIZE), **given.pop("input", PLAIN)}
        return open_model(str(path), ModelOptions(input=said, device="cpu", **given))

    return open_


def images(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def scores(given: torch.Tensor) -> torch.Tensor:
    """The body's scores, by torch."""
    maps = torch.nn.functional.conv2d(given, torch.from_numpy(WEIGHTS["kernel"])).relu()
    return maps.mean((2, 3)) @ torch.from_numpy(WEIGHTS["matrix"])


FLOAT = TensorProto.FLOAT
LABEL = {"label": (TensorProto.INT64, ("n",))}
FEATURES = {"features": (FLOAT, ("n", 5))}
PROBS = {"probs": (FLOAT, ("n", 4))}
BEST = {"best": (FLOAT, ("n", 2))}
TWO = {"two": np.array([2])}
PICKING = [
    (("ArgMax", "scores"), "label"),
    (("Softmax", "scores"), "probs"),
    (("TopK", "probs", "two"), ["best", "places"]),
]


@pytest.mark.parametrize(
    ("outputs", "read"),
    [
        ({**LABEL, **SCORES}, "scores"),
        ({**BEST, **PROBS}, "probs"),
        ({**FEATURES, **SCORES}, "scores"),
        ({**SCORES, **FEATURES}, "scores"),
        ({**SCORES, **PROBS}, "scores"),
        ({**BEST, **FEATURES, **LABEL, **SCORES}, "scores"),
    ],
)
def test_the_scores_are_read_wherever_they_stand(opened, outputs, read: str) -> None:
    picking = [((kind, *given), out) for (kind, *given), out in PICKING]
    model = make([*BODY, *picking], outputs, weights={**WEIGHTS, **TWO})
    model.graph.node[5].attribute.extend(
        [helper.make_attribute("axis", 1), helper.make_attribute("keepdims", 0)]
    )
    found = opened(model)
    expected = scores(images()) if read == "scores" else scores(images()).softmax(1)
    torch.testing.assert_close(found.predict(images()), expected, atol=1e-5, rtol=1e-4)
    assert found.spec.output == read
    (note,) = [each for each in found.spec.notes if "are read from output" in each]
    assert f"output {read!r}" in note
    assert all(other in note for other in outputs if other != read)
    cut = found.cut("active")
    frontier = cut.prefix(images())
    again = cut.suffix(frontier, frontier.activation)
    torch.testing.assert_close(again, found.predict(images()), atol=1e-5, rtol=1e-4)


def test_an_output_is_named(opened) -> None:
    model = make(outputs={**SCORES, **FEATURES, "active": (FLOAT, ("n", 5, 6, 6))})
    found = opened(model, output_name="features")
    assert len(found.spec.classes) == 5
    assert not any("are read from output" in each for each in found.spec.notes)
    with pytest.raises(ModelError, match=r"has no output 'feature'; did you mean 'features'"):
        opened(model, output_name="feature")
    with pytest.raises(ModelError, match=r"active: float \(\?, 5, 6, 6\) .*; expected scores"):
        opened(model, output_name="active")


def test_one_number_for_each_image(opened) -> None:
    nodes = [*BODY, (("ReduceSum", "scores", "axis"), "sum")]
    model = make(nodes, {"sum": (FLOAT, ("n",))}, weights={**WEIGHTS, "axis": np.array([1])})
    model.graph.node[-1].attribute.append(helper.make_attribute("keepdims", 0))
    found, z = opened(model), scores(images()).sum(1, keepdim=True)
    expected = torch.cat([z, -z], 1)
    torch.testing.assert_close(found.predict(images()), expected, atol=1e-5, rtol=1e-4)


def test_weights_among_the_inputs_and_nodes_out_of_order(opened) -> None:
    found = opened(make(list(reversed(BODY)), listed=True))
    torch.testing.assert_close(found.predict(images()), scores(images()), atol=1e-5, rtol=1e-4)
    assert [each.name for each in found.layers()][:2] == ["convolved", "active"]
    frontier = found.cut("active").prefix(images())
    again = found.cut("active").suffix(frontier, frontier.activation)
    torch.testing.assert_close(again, scores(images()), atol=1e-5, rtol=1e-4)


def test_whole_numbers_in_channels_last(opened) -> None:
    """uint8 NHWC, cast, turned and divided inside, as converted TensorFlow files are."""
    before = [
        (("Cast", "image"), "real"),
        (("Transpose", "real"), "turned"),
        (("Div", "turned", "most"), "pixels"),
        (("Conv", "pixels", "kernel"), "convolved"),
    ]
    kind = (TensorProto.UINT8, ("n", SIZE, SIZE, 3))
    most = {"most": np.array(255, np.float32)}
    model = make([*before, *BODY[1:]], image=kind, weights={**WEIGHTS, **most})
    model.graph.node[0].attribute.append(helper.make_attribute("to", TensorProto.FLOAT))
    model.graph.node[1].attribute.append(helper.make_attribute("perm", [0, 3, 1, 2]))
    found = opened(model, input={})
    assert (found.spec.input.mean, found.spec.input.std) == ((0, 0, 0), (1, 1, 1))
    assert any("pixels are given as 0 to 255" in each for each in found.spec.notes)
    assert any("input layout NHWC" in each for each in found.spec.notes)
    assert not any("ImageNet" in each for each in found.spec.notes)
    whole = (images() * 255).round() / 255
    torch.testing.assert_close(found.predict(whole), scores(whole), atol=1e-4, rtol=1e-4)
    frontier = found.cut("active").prefix(whole)
    slopes = found.cut("active").derivative(
        frontier.__class__(frontier.activation[:1], (), 1, "one"),
        torch.rand(2, *frontier.activation.shape[1:]),
        [Target(0, "class 0")],
        "logit",
    )
    assert slopes.abs().max() > 0
    with pytest.raises(ModelError, match="takes whole numbers, 0 to 255, which cannot be norm"):
        opened(model, input={"mean": (0.5,) * 3})


def test_arithmetic_on_the_image_is_told(opened) -> None:
    mean = {"middle": np.full((1, 3, 1, 1), 0.5, np.float32)}
    before = [(("Sub", "image", "middle"), "pixels"), (("Conv", "pixels", "kernel"), "convolved")]
    model = make([*before, *BODY[1:]], weights={**WEIGHTS, **mean})
    told = "the graph begins with Sub on the image"
    assert any(told in each for each in opened(model, input={}).spec.notes)
    assert not any(told in each for each in opened(model).spec.notes)
    assert not any(told in each for each in opened(make(), input={}).spec.notes)


def test_half_precision(opened) -> None:
    half = {name: value.astype(np.float16) for name, value in WEIGHTS.items()}
    kind = (TensorProto.FLOAT16, ("n", 3, SIZE, SIZE))
    found = opened(
        make(outputs={"scores": (TensorProto.FLOAT16, ("n", 4))}, image=kind, weights=half)
    )
    torch.testing.assert_close(found.predict(images()), scores(images()), atol=0.02, rtol=0.02)
    frontier = found.cut("active").prefix(images(1))
    directions = torch.rand(2, 5, 6, 6)
    slopes = found.cut("active").derivative(frontier, directions, [Target(1, "class 1")], "logit")
    expected = directions.mean((2, 3)) @ torch.from_numpy(WEIGHTS["matrix"])[:, 1:2]
    torch.testing.assert_close(slopes, expected, atol=0.01, rtol=0.01)
