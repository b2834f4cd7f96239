"""Readouts of the user's own, by module:name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.outputs import Named, PartSegmenter

import interp
from interp.context import Budget
from interp.errors import ModelError
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions

CODE = """
from typing import ClassVar

from pydantic import Field

from interp.params import Params
from interp.readout import OutputDescription, Readout


def margin(output):
    maps = output["out"] if isinstance(output, dict) else output
    return maps[:, 1:].mean((2, 3))


def shapeless(output):
    return output


def broken(output):
    raise KeyError("heat")


class Corner(Readout):
    class Params(Params):
        row: int = Field(0, description="row of the pixel")

    def read(self, output):
        row = self.params.row
        return OutputDescription("none", ("here",), scores=lambda maps: maps[:, 1, row, -1:])


class Other:
    pass


NUMBER = 3
"""


@pytest.mark.parametrize("adapter", ["torch", "onnx"])
def test_a_function_gives_the_scores(
    opened: Callable, package: Callable, picture: np.ndarray, adapter: str
) -> None:
    readout = f"{package(CODE)}:margin"
    model: ModelAdapter = opened(PartSegmenter(), readout, adapter)
    assert model.spec.classes == ("score 0", "score 1")
    assert (model.spec.unit, model.spec.activation, model.spec.readout) == (
        "value",
        "none",
        readout,
    )
    pixels = model.prepare(picture)[0][None]
    raw = model.raw(pixels)
    assert model.predict(pixels).tolist() == raw[:, 1:].mean((2, 3)).tolist()


@pytest.mark.parametrize("method", ["gradcam", "rise", "channel-ablation", "integrated-gradients"])
def test_methods_explain_scores_of_a_function(
    opened: Callable, package: Callable, picture: np.ndarray, method: str
) -> None:
    model = opened(Named(), f"{package(CODE)}:margin", classes=("leaf", "sky"))
    params = {"layer": "inner.colours.act"} if method in ("gradcam", "channel-ablation") else {}
    found = interp.explain(
        model, picture, method=method, target="leaf", params=params, budget=Budget(samples=200)
    ).map()
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert row >= 16 and column < 16


def test_an_activation_makes_probabilities(opened: Callable, package: Callable) -> None:
    model = opened(PartSegmenter(), f"{package(CODE)}:margin", activation="sigmoid")
    assert (model.spec.unit, model.spec.activation) == ("probability", "sigmoid")


def test_a_class_is_a_readout_with_parameters(
    opened: Callable, package: Callable, picture: np.ndarray
) -> None:
    model = opened(PartSegmenter(), f"{package(CODE)}:Corner", row=2)
    pixels = model.prepare(picture)[0][None]
    assert model.predict(pixels)[0].tolist() == model.raw(pixels)[0, 1, 2, -1:].tolist()
    assert model.spec.readout_params == {"row": 2}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shapeless", r"answers \(2, 3, 16, 16\)"),
        ("broken", r"fails on what .* answers, \(2, 3, 16, 16\): KeyError"),
        ("missing", "cannot be imported; .*: AttributeError"),
        ("Other", "is the class Other; expected a function"),
        ("NUMBER", "is int; expected a function"),
    ],
)
def test_what_is_no_readout_is_told(
    opened: Callable, package: Callable, name: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        opened(PartSegmenter(), f"{package(CODE)}:{name}")


def test_code_that_a_model_card_names_is_not_run(
    opened: Callable, package: Callable, tmp_path: Path, registry: Registry
) -> None:
    readout = f"{package(CODE)}:margin"
    opened(PartSegmenter(), readout).export(tmp_path / "own.onnx")
    with pytest.raises(ModelError, match=f"names readout {readout}, which is code"):
        open_model(str(tmp_path / "own.onnx"), ModelOptions(), registry)
    again = open_model(str(tmp_path / "own.onnx"), ModelOptions(readout=readout), registry)
    assert again.spec.classes == ("score 0", "score 1")
