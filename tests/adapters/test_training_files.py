"""Weights as training scripts leave them: found in the file, told in the notes, no code run."""

from __future__ import annotations

import argparse
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from interp.errors import ModelError
from interp.spec import ModelOptions
from interp_torch.opening import open_model

FACTORY = """
    from torch import nn

    def build(width=4):
        return nn.Sequential(
            nn.Conv2d(3, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3)
        )

    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = build()

        def forward(self, image):
            return self.model(image)
"""


@pytest.fixture
def factory(package) -> str:
    return package(FACTORY)


def make() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def prefixed(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": each for name, each in state.items()}


def opened(source: str, path: Path):
    options = ModelOptions(device="cpu", weights=str(path), input={"size": (16, 16)})
    return open_model(source, options)


STATE = make().state_dict()
FORMS = {
    "tutorial.pth": ({"epoch": 3, "model_state_dict": STATE, "loss": 0.1}, "'model_state_dict'"),
    "model.pth": ({"model": STATE, "optimizer": {"state": {}, "lr": 0.1}}, "'model'"),
    "nested.pth": ({"checkpoint": {"net": STATE}}, "'checkpoint.net'"),
    "lightning.ckpt": ({"state_dict": prefixed("model.", STATE)}, "without 'model.'"),
    "compiled.pth": (prefixed("_orig_mod.", STATE), "without '_orig_mod.'"),
    "parallel.pth": (prefixed("module.", STATE), "without 'module.'"),
    "both.pth": (prefixed("module._orig_mod.", STATE), "without 'module."),
    "score.pth": ({"state_dict": STATE, "best": np.float64(0.9)}, "'state_dict'"),
    "arguments.pth": ({"model": STATE, "args": argparse.Namespace(lr=0.1)}, "'model'"),
    "arrays.pth": ({name: each.numpy() for name, each in STATE.items()}, ""),
    "plain.bin": (STATE, ""),
    "checkpoint.pth.tar": ({"state_dict": STATE}, "'state_dict'"),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_training_scripts(name: str, factory: str, tmp_path: Path) -> None:
    content, told = FORMS[name]
    torch.save(content, tmp_path / name)
    model = opened(f"{factory}:build", tmp_path / name)
    for key, each in model.module().state_dict().items():
        assert torch.equal(each, STATE[key])
    notes = [each for each in model.spec.notes if each.startswith("weights file")]
    assert bool(notes) == bool(told)
    assert told in " ".join(notes)


def test_a_prefix_that_the_model_has_stays(factory: str, tmp_path: Path) -> None:
    torch.save(prefixed("model.", STATE), tmp_path / "same.pth")
    torch.save(STATE, tmp_path / "bare.pth")
    for name in ("same.pth", "bare.pth"):
        model = opened(f"{factory}:Wrapped", tmp_path / name)
        assert torch.equal(model.module().state_dict()["model.0.weight"], STATE["0.weight"])
    assert any("with 'model.' before them" in each for each in model.spec.notes)


def test_a_choice_between_two_sets_of_weights_is_told(factory: str, tmp_path: Path) -> None:
    other = {name: each + 1 for name, each in STATE.items()}
    torch.save({"ema": other, "model": STATE}, tmp_path / "two.pth")
    model = opened(f"{factory}:build", tmp_path / "two.pth")
    assert torch.equal(model.module().state_dict()["0.weight"], STATE["0.weight"])
    assert "weights file: 'ema' would fit as well" in model.spec.notes


class Command:
    """Pickled, it stands for a command that runs when the file is read."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.text,)


def test_pickled_objects_are_named_and_never_made(factory: str, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    cases = {
        "pickled fractions.Fraction": {"model": STATE, "ratio": Fraction(1, 3)},
        "pickled torch.nn.modules.container.Sequential": make(),
        "posix.system": {"model": STATE, "x": Command(f"touch {trace}")},
    }
    for named, content in cases.items():
        torch.save(content, tmp_path / "bad.pth")
        with pytest.raises(ModelError) as caught:
            opened(f"{factory}:build", tmp_path / "bad.pth")
        message = str(caught.value)
        assert named in message
        assert "torch.save(model.state_dict(), FILE)" in message
        assert "\n" not in message and "\x1b" not in message
    assert not trace.exists()


def test_what_does_not_fit_is_told(factory: str, tmp_path: Path) -> None:
    left = {name: each for name, each in STATE.items() if name != "3.bias"}
    torch.save({"model": {**left, "extra": torch.ones(1)}}, tmp_path / "less.pth")
    with pytest.raises(ModelError, match=r"missing 3\.bias; unexpected extra"):
        opened(f"{factory}:build", tmp_path / "less.pth")
    torch.save({"epoch": 3, "loss": 0.1}, tmp_path / "none.pth")
    with pytest.raises(ModelError, match="hold a dict of epoch, loss; expected named tensors"):
        opened(f"{factory}:build", tmp_path / "none.pth")


def test_factories_with_arguments(factory: str) -> None:
    options = ModelOptions(device="cpu", input={"size": (16, 16)})
    model = open_model(f"{factory}:build@width=6", options)
    assert model.module()[0].out_channels == 6
    with pytest.raises(ModelError, match=r"expected NAME@key=value"):
        open_model(f"{factory}:build@6", options)
    with pytest.raises(ModelError, match="unexpected keyword argument 'wide'"):
        open_model(f"{factory}:build@wide=6", options)
