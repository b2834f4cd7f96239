"""The rest of a cut model in float64: rewritten rightly, used where it answers the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor
from torch.nn import functional

from interp.target import Target
from interp_onnx import float64
from interp_onnx.float64 import widen
from interp_onnx.im2col import unfold
from interp_onnx.session import on_cpu

Pairs = Callable[..., Any]
TARGETS = [Target(3, "class 3"), Target(1, "class 1, not class 2", 2)]
FIRST = {"Residual": "act", "Dense": "stem", "Depthwise": "act", "Tokens": "patch"}
"""The first layer of each network after which onnxruntime has every operation in float64."""
SHAPE = (2, 4, 9, 11)


def image() -> Tensor:
    return torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(1))


def model(
    nodes: list[onnx.NodeProto],
    weights: Mapping[str, np.ndarray],
    answer: tuple[int, ...] | None = None,
    opset: int = 17,
) -> ModelProto:
    """From x (2, 4, 9, 11) to y."""
    graph = helper.make_graph(
        nodes,
        "some nodes",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, answer)],
        [numpy_helper.from_array(each, name) for name, each in weights.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def doubled(made: ModelProto, expected: Tensor, kind: str) -> Tensor:
    """What the model answers in float64 once its only node of a kind is rewritten."""
    unfold(made, {"x": SHAPE, "y": tuple(expected.shape)})
    assert kind not in {node.op_type for node in made.graph.node}
    widen(made.graph)
    return on_cpu().session(made)(given())[0]


def given() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(SHAPE, generator=generator, dtype=torch.float64)


def exact(found: Tensor, expected: Tensor) -> bool:
    return found.shape == expected.shape and bool((found - expected).abs().max() < 1e-12)


@pytest.mark.parametrize(
    ("kernel", "groups", "stride", "dilation", "biased"),
    itertools.product([(1, 1), (3, 2)], [1, 2, 4], [(1, 1), (2, 3)], [(1, 1), (2, 1)], [0, 1]),
)
def test_convolutions(
    kernel: tuple[int, int],
    groups: int,
    stride: tuple[int, int],
    dilation: tuple[int, int],
    biased: int,
) -> None:
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn((8, 4 // groups, *kernel), generator=generator)
    bias = torch.randn(8, generator=generator)
    top, left, bottom, right = 1, 2, 0, 3
    expected = functional.conv2d(
        functional.pad(given(), (left, right, top, bottom)),
        weight.double(),
        bias.double() if biased else None,
        stride,
        dilation=dilation,
        groups=groups,
    )
    node = helper.make_node(
        "Conv",
        ["x", "w", "b"][: 2 + biased],
        ["y"],
        strides=stride,
        dilations=dilation,
        group=groups,
        pads=[top, left, bottom, right],
    )
    made = model([node], {"w": weight.numpy(), "b": bias.numpy()}, tuple(expected.shape))
    assert exact(doubled(made, expected, "Conv"), expected)


@pytest.mark.parametrize("padded", [False, True])
def test_mean_pools(padded: bool) -> None:
    expected = functional.avg_pool2d(given(), (2, 4), (1, 2), (1, 2) if padded else 0)
    pads = {"pads": [1, 2, 1, 2], "count_include_pad": 1} if padded else {}
    node = helper.make_node(
        "AveragePool", ["x"], ["y"], kernel_shape=[2, 4], strides=[1, 2], **pads
    )
    found = doubled(model([node], {}, tuple(expected.shape)), expected, "AveragePool")
    assert exact(found, expected)


@pytest.mark.parametrize("opset", [13, 17, 18, 20])
def test_global_means(opset: int) -> None:
    expected = given().mean((2, 3), keepdim=True)
    node = helper.make_node("GlobalAveragePool", ["x"], ["y"])
    made = model([node], {}, tuple(expected.shape), opset)
    assert exact(doubled(made, expected, "GlobalAveragePool"), expected)


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("Conv", {"auto_pad": "SAME_UPPER"}),
        ("AveragePool", {"kernel_shape": [2, 2], "ceil_mode": 1}),
        ("AveragePool", {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0]}),
    ],
)
def test_windows_of_other_forms_stay(kind: str, attributes: dict[str, Any]) -> None:
    inputs = ["x", "w"] if kind == "Conv" else ["x"]
    made = model(
        [helper.make_node(kind, inputs, ["y"], **attributes)],
        {"w": np.ones((4, 4, 3, 3), np.float32)},
    )
    before = made.SerializeToString()
    unfold(made, {"x": SHAPE, "y": SHAPE})
    assert made.SerializeToString() == before


def test_every_float_is_widened() -> None:
    """Constants in all their forms, casts, the default of ConstantOfShape, inner graphs."""

    def branch(name: str, value: float) -> onnx.GraphProto:
        info = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
        node = helper.make_node("Constant", [], [name], value_floats=[value])
        return helper.make_graph([node], name, [], [info])

    made = model(
        [
            helper.make_node("Constant", [], ["one"], value_float=0.1),
            helper.make_node("ConstantOfShape", ["size"], ["zero"]),
            helper.make_node("Cast", ["three"], ["cast"], to=TensorProto.FLOAT),
            helper.make_node(
                "If",
                ["yes"],
                ["chosen"],
                then_branch=branch("then", 0.7),
                else_branch=branch("else", 9.0),
            ),
            helper.make_node("Sum", ["x", "one", "zero", "cast", "chosen", "weight"], ["y"]),
        ],
        {
            "size": np.array([1]),
            "three": np.array([3]),
            "yes": np.array(True),
            "weight": np.array([0.2], np.float32),
        },
    )
    plain = on_cpu().session(made)(given().float())[0]
    widen(made.graph)
    constants = [np.float32(each) for each in (0.1, 0.7, 0.2)]
    expected = given() + 3 + sum(float(each) for each in constants)
    found = on_cpu().session(made)(given())[0]
    assert exact(found, expected)
    assert torch.allclose(plain.double(), expected)


@pytest.mark.parametrize("how", ["new", "fixed", "old"])
@pytest.mark.parametrize("name", FIRST)
def test_derivative_equals_autograd(pair: Pairs, name: str, how: str) -> None:
    both = pair(name, how)
    layers = both.shared[both.shared.index(FIRST[name]) :]
    assert len(layers) >= 4
    for layer in layers:
        cut, truth = both.file.cut(layer), both.module.cut(layer)
        own = getattr(cut, "inner", cut)
        own.program = None  # as where PyTorch lacks an operation
        frontier = cut.prefix(image())
        shape = (5, *frontier.activation.shape[1:])
        directions = torch.randn(shape, generator=torch.Generator().manual_seed(2))
        found = cut.derivative(frontier, directions, TARGETS, "logit")
        expected = truth.derivative(truth.prefix(image()), directions, TARGETS, "logit")
        assert (found - expected).abs().max() <= 1e-5 * expected.abs().max(), layer
        assert (own.error <= 1e-5 * expected.abs().max()).all(), layer
        both.file._cuts.clear()


def spoiled(graph: onnx.GraphProto) -> None:
    """Widened, with answers that are a little off."""
    widen(graph)
    for each in graph.initializer:
        if each.data_type == TensorProto.DOUBLE:
            each.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(each) * 1.001, each.name))


def refused(graph: onnx.GraphProto) -> None:
    """As where onnxruntime lacks a kernel."""
    graph.node[0].op_type = "Nothing"


@pytest.mark.parametrize("broken", [spoiled, refused])
def test_float32_stays_where_float64_cannot_be_had(
    pair: Pairs, broken: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = pair("Dense")
    monkeypatch.setattr(float64, "widen", broken)
    both.file._cuts.clear()
    cut, truth = both.file.cut("one"), both.module.cut("one")
    cut.program = None
    frontier = cut.prefix(image())
    directions = torch.randn(
        5, *frontier.activation.shape[1:], generator=torch.Generator().manual_seed(2)
    )
    found = cut.derivative(frontier, directions, TARGETS, "logit")
    both.file._cuts.clear()
    expected = truth.derivative(truth.prefix(image()), directions, TARGETS, "logit")
    size = expected.abs().max()
    assert (found - expected).abs().max() <= 1e-2 * size
    assert cut.error.max() > 1e-6 * size  # rounding of float32, and told
