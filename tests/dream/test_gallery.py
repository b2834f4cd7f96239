"""Optimised pictures in the surveys of CHIP, CSG and decoupling, found by the method's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.known_filters import OPTIONS, Known

from interp.context import Budget, Context
from interp.errors import UnsupportedError
from interp.gallery import channel_pictures
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import survey
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures
from interp_creatures.species import CLASSES


def context(steps: int = 2) -> Context:
    return Context(budget=Budget(samples=steps), lookup=Registry.load().get)


def test_examples_alone_ask_no_method(known: Known) -> None:
    found = channel_pictures("examples", known.model, known.data, {"filters": [0]}, Context())
    assert found.evidence == ()


@pytest.mark.parametrize("pictures", ["dream", "maco"])
def test_each_layer_has_its_gallery_and_scores(known: Known, pictures) -> None:
    channels = {"filters": np.array([1, 0]), "act": [2], "head": []}
    found = channel_pictures(pictures, known.model, known.data, channels, context())
    assert [each.name for each in found.evidence] == [
        "pictures filters", "scores filters", "pictures act", "scores act"
    ]  # fmt: skip
    rows = found.named("scores filters").rows
    assert [row[0] for row in rows] == ["channel 1", "channel 0", "random direction"]


def test_a_file_is_refused_before_any_work(known: Known, tmp_path: Path) -> None:
    known.model.export(tmp_path / "model.onnx")
    file = open_model(str(tmp_path / "model.onnx"), OPTIONS, Registry.load())
    with pytest.raises(UnsupportedError, match="pictures dream needs MODULE"):
        channel_pictures("dream", file, known.data, {"filters": [0]}, context())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "model", "layers", "pictured"),
    [
        ("chip", "creatures-vgg", ["stage3", "stage3.0"], 12),
        ("csg", "creatures-csg", [""], len(CLASSES)),
        ("decoupling", "creatures-decoupled", [""], 6),
    ],
)
def test_surveys_show_pictures_of_their_channels(method, model, layers, pictured) -> None:
    request = Request(
        method=method,
        model=model,
        options=ModelOptions(device="cpu"),
        params={"pictures": "dream"},
        budget=Budget(samples=2),
    )
    found = survey(request, dataset=Creatures(40, 5, two=False)).explanation
    scores = [each for each in found.of("table") if each.name.startswith("scores ")]
    for each, layer in zip(scores, layers, strict=True):
        assert each.name.endswith(layer)
        *names, last = [row[0] for row in each.rows]
        assert last == "random direction" and 1 <= len(names) <= pictured
        assert all(name.startswith("channel ") for name in names)
