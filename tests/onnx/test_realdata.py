"""A trained network that is not in the repository, in both formats."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from interp.spec import ModelOptions
from interp.target import Target
from interp_onnx.opening import open_model
from interp_torch.opening import open_model as open_program

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "imagenet"
FILE = FOLDER / "mobilenet_v2.onnx"
CPU = ModelOptions(device="cpu")

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not FILE.exists(), reason="needs ../shared/data"),
]


def close(found: Tensor, expected: Tensor) -> bool:
    return bool((found - expected).abs().max() <= 1e-4 * expected.abs().max())


def test_mobilenet_equals_its_exported_program() -> None:
    file, program = open_model(str(FILE), CPU), open_program(str(FILE.with_suffix(".pt2")), CPU)
    assert file.spec.classes == program.spec.classes
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    assert close(file.predict(images), program.predict(images))
    known = {layer.name: layer for layer in program.layers()}
    for layer in file.layers():
        if layer.name in known:
            same = known[layer.name]
            assert (layer.grid, layer.field) == (same.grid, same.field), layer.name
    cut, truth = file.cut("blocks.16"), program.cut("blocks.16")
    frontier, other = cut.prefix(images[:1]), truth.prefix(images[:1])
    assert close(frontier.activation, other.activation)
    states = torch.rand(4, *frontier.activation.shape[1:]) > 0.5
    activation = frontier.activation * states
    expected = truth.suffix(other, activation)
    for _ in range(2):
        assert close(cut.suffix(frontier, activation), expected)
    targets = [Target(282, "tiger cat"), Target(243, "bull mastiff, not tiger cat", 282)]
    cells = torch.eye(49).view(49, 1, 7, 7) * frontier.activation
    for output in ("logit", "prob"):
        found = cut.derivative(frontier, cells, targets, output)  # type: ignore[arg-type]
        slope = truth.derivative(other, cells, targets, output)  # type: ignore[arg-type]
        assert (torch.cosine_similarity(found, slope, dim=0) >= 0.999).all()
