"""A trained network that is not in the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from interp.spec import ModelOptions
from interp_torch.cut import GraphCut
from interp_torch.opening import open_model

DATA = Path(__file__).parents[3] / "shared" / "data"
FILE = DATA / "imagenet" / "mobilenet_v2.pt2"

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not FILE.exists(), reason="needs ../shared/data"),
]


def test_mobilenet_names_its_classes_and_is_cut() -> None:
    model = open_model(str(FILE), ModelOptions(device="cpu"))
    assert model.spec.input.size == (224, 224)
    assert len(model.spec.classes) == 1000
    assert model.spec.classes[282] == "tiger cat"
    layers = {layer.name: layer for layer in model.layers()}
    assert layers["blocks.16"].grid == (7, 7)
    assert layers["blocks.16"].field is not None
    assert layers["blocks.16"].field.offset == (31.5, 31.5)  # one-sided padding
    images = torch.rand(2, 3, 224, 224)
    cut = model.cut("blocks.16")
    assert isinstance(cut, GraphCut)
    frontier = cut.prefix(images)
    torch.testing.assert_close(cut.suffix(frontier, frontier.activation), model.predict(images))
    single = cut.prefix(images[:1])
    expected = model.predict(images[:1]).expand(3, -1)
    found = cut.suffix(single, single.activation.expand(3, -1, -1, -1))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
