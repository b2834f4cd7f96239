"""Graphs as PyTorch operations: ONNX's own cases of each operation, and slopes of whole models."""

from __future__ import annotations

import itertools
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnx.backend.test.case.node import collect_testcases
from support.onnx_file import mean_colour

import interp
from interp.errors import ModelError, UnsupportedError
from interp.spec import Capability, ModelOptions
from interp.target import Target
from interp_onnx.autograd.operation import OPERATIONS
from interp_onnx.autograd.program import lacking, translate
from interp_onnx.opening import open_model

UNTRIED = {"CastLike", "CumSum", "Range"}
"""Operations that ONNX's cases try together with others, or with numbers of other types, only."""
REFUSED = {"ArgMax", "ArgMin", "AveragePool", "BatchNormalization", "Dropout", "MaxPool", "Resize"}
REFUSED |= {"ScatterElements", "ScatterND"}
"""Operations with rare settings that are refused: ties, dilated means, training, places, cubic,
values that are joined where they meet."""
ODD = ("uint8", "empty_set", "edge_cases")
"""Parts of the names of cases that no network has."""
CPU = torch.device("cpu")


def cases() -> list[Any]:
    """ONNX's cases of operations that are translated, with numbers of plain types."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    kept = []
    for case in found:
        known = case.model is not None and not lacking(case.model)
        plain = known and all(
            isinstance(value, np.ndarray) and value.dtype.kind in "fib"
            for data in case.data_sets
            for value in itertools.chain(*data)
        )
        if plain and not any(word in case.name for word in ODD):
            kept.append(case)
    return kept


def test_every_operation_answers_as_onnx_says():
    tried: Counter[str] = Counter()
    refused = set()
    for case in cases():
        kinds = {each.op_type for each in case.model.graph.node}
        for inputs, outputs in case.data_sets:
            given = [torch.from_numpy(np.array(each)) for each in inputs]
            given = [each.float() if each.is_floating_point() else each for each in given]
            try:
                found = translate(case.model, CPU)(*given)
            except NotImplementedError:
                refused |= kinds
                continue
            for answer, expected in zip(found, outputs, strict=False):
                least = 1e-2 if expected.dtype == np.float16 else 1e-4
                assert tuple(answer.shape) == expected.shape, case.name
                expected = expected.astype(float)
                told = ~np.isnan(expected)  # older versions divide 0 by 0
                assert np.allclose(answer.double().numpy()[told], expected[told], 1e-3, least), (
                    case.name
                )
            tried.update(kinds)
    assert sum(tried.values()) > 800
    assert set(OPERATIONS) - set(tried) <= UNTRIED
    assert refused & set(OPERATIONS) <= REFUSED


def test_running_sums_and_ranges():
    nodes = [
        helper.make_node("Range", ["zero", "four", "one"], ["steps"]),
        helper.make_node("CumSum", ["x", "axis"], ["sums"], reverse=1, exclusive=1),
        helper.make_node("CastLike", ["steps", "sums"], ["cast"]),
        helper.make_node("Add", ["sums", "cast"], ["y"]),
    ]
    weights = [
        helper.make_tensor(name, TensorProto.INT64, [], [value])
        for name, value in (("zero", 0), ("four", 4), ("one", 1), ("axis", 1))
    ]
    x, y = (helper.make_tensor_value_info(each, TensorProto.FLOAT, (2, 4)) for each in "xy")
    graph = helper.make_graph(nodes, "sums", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    (found,) = translate(model, CPU)(torch.tensor([[1.0, 2, 3, 4], [4, 3, 2, 1]]))
    assert found.tolist() == [[9, 8, 6, 3], [6, 4, 3, 3]]


@pytest.mark.parametrize("how", ["new", "fixed", "old"])
@pytest.mark.parametrize("name", ["Residual", "Dense", "Depthwise", "Tokens"])
def test_slopes_of_pixels_are_those_of_the_module(pair: Any, name: str, how: str):
    both = pair(name, how)
    assert Capability.GRADIENTS in both.file.capabilities
    size = both.module.spec.input.size
    given = torch.rand(3, 3, *size, generator=torch.Generator().manual_seed(0))
    for targets in ([Target(1, "1")], [Target(each, str(each)) for each in (0, 1, 0)]):
        found, expected = (each.gradient(given, targets) for each in (both.file, both.module))
        assert torch.allclose(found, expected, atol=1e-5 * float(expected.abs().max()))
    scores = both.file.forward(given)
    assert scores.requires_grad is False  # nothing that was given asks for slopes
    assert both.file.forward(given.clone().requires_grad_()).requires_grad
    assert torch.allclose(scores, both.file.predict(given), atol=1e-5)


def model_of(tmp_path: Path, *nodes: onnx.NodeProto) -> str:
    """A file of the mean colours of what the nodes make of an image."""
    onnx.save(mean_colour(nodes, side=8), tmp_path / "model.onnx")
    return str(tmp_path / "model.onnx")


def test_slopes_known_by_hand(tmp_path):
    """The mean of x squared over 64 pixels: 2 x / 64, divided by the standard deviation."""
    file = model_of(tmp_path, helper.make_node("Mul", ["image", "image"], ["last"]))
    model = open_model(
        file, ModelOptions(device="cpu", input={"mean": [0.5] * 3, "std": [0.25] * 3})
    )
    given = torch.rand(1, 3, 8, 8)
    found = model.gradient(given, [Target(1, "1")])
    encoded = (given[0, 1] - 0.5) / 0.25
    assert torch.allclose(found[0, 1], 2 * encoded / 64 / 0.25, atol=1e-5)
    assert not found[0, [0, 2]].any()


def test_what_pytorch_lacks_is_refused_and_the_cut_takes_differences(tmp_path):
    file = model_of(
        tmp_path,
        helper.make_node("Mul", ["image", "image"], ["squares"], name="squares"),
        helper.make_node("Shrink", ["squares"], ["last"], lambd=0.0),
    )
    model = open_model(file, ModelOptions(device="cpu"))
    assert Capability.GRADIENTS not in model.capabilities
    with pytest.raises(UnsupportedError, match="needs GRADIENTS"):
        model.gradient(torch.rand(1, 3, 8, 8), [Target(0, "0")])
    cut = model.cut("squares")
    assert not cut.one_pass
    given = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = cut.gradient(cut.prefix(given), [Target(2, "2")], "logit")
    assert torch.allclose(found[0, 2], torch.full((8, 8), 1 / 64), atol=5e-4)  # in float32
    assert float(found[0, :2].abs().max()) < 1e-6
    image = np.zeros((8, 8, 3), np.uint8)
    shown = interp.explain(model, image, method="gradcam", target=2, params={"layer": "squares"})
    assert any("slopes at squares are differences" in each for each in shown.notes)


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let an operation answer something else."""
    return lambda kind: monkeypatch.setitem(OPERATIONS, kind, lambda _, x, *more: 0.9 * x)


def test_other_scores_than_onnxruntimes_are_no_source_of_slopes(tmp_path, wrong):
    file = model_of(tmp_path, helper.make_node("Relu", ["image"], ["last"], name="relu"))
    wrong("GlobalAveragePool")
    model = open_model(file, ModelOptions(device="cpu"))
    with pytest.raises(ModelError, match=r"has other scores|cannot be run.*choose a method"):
        model.gradient(torch.rand(1, 3, 8, 8), [Target(0, "0")])
    assert not model.cut("relu").one_pass
