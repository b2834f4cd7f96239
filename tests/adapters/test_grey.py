"""Models of grey images: one channel, of the luminance of what they are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import interp
from interp.errors import ModelError
from interp.opening.export import export_model
from interp.registry import Registry
from interp.spec import ModelOptions

SIZED = ModelOptions(input={"size": (28, 28)})
GREY = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def net() -> nn.Module:
    """A network of grey images."""
    torch.manual_seed(0)
    first = nn.Conv2d(1, 4, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(196, 3))


@pytest.fixture(scope="module")
def file(net: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("grey") / "grey.onnx"
    export_model(net, path, SIZED, Registry.load())
    return path


def test_grey_models_are_shown_luminance(net: nn.Module, file: Path) -> None:
    colours = np.random.default_rng(1).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    grey = torch.tensor(colours / 255 @ np.array([0.299, 0.587, 0.114]), dtype=torch.float32)
    for model in (net, str(file)):
        opened = interp.open_model(model, options=SIZED)
        assert opened.spec.input.mean == (0.0,) and opened.spec.input.fill == (0.0, 0.0, 0.0)
        assert "the model takes one channel; images are converted to grey" in opened.spec.notes
        found = opened.predict(opened.prepare(colours)[0][None])
        torch.testing.assert_close(found, net(grey[None, None]), rtol=1e-4, atol=1e-5)


def test_a_guessed_normalisation_is_told_and_a_given_one_is_used(net: nn.Module) -> None:
    guessed = interp.open_model(net, options=SIZED).spec.notes
    assert any("assumed grey values in [0, 1]" in note for note in guessed)
    given = ModelOptions(input={"size": (28, 28), "mean": (0.5,), "std": (0.25,)})
    opened = interp.open_model(net, options=given)
    assert not any("no normalisation" in note for note in opened.spec.notes)
    found = opened.predict(torch.full((1, 3, 28, 28), 0.75))
    torch.testing.assert_close(found, net(torch.ones(1, 1, 28, 28)), rtol=1e-4, atol=1e-5)
    with pytest.raises(ModelError, match="expected one value, since the model takes grey"):
        interp.open_model(net, options=ModelOptions(input={"mean": (0, 0, 0), "std": (1, 1, 1)}))


@pytest.mark.parametrize("method", ["gradcam", "rise", "mint", "occlusion", "chip", "saliency"])
def test_grey_models_are_explained(net: nn.Module, method: str) -> None:
    budget = interp.Budget(samples=60)
    found = interp.explain(net, GREY, method=method, options=SIZED, budget=budget)
    assert found.map().shape == (28, 28) and np.isfinite(found.map()).all()


def test_a_module_that_makes_images_grey_itself_gets_colours() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x[:, :1] - x[:, 2:]).mean((2, 3))

    assert len(interp.open_model(Own(), options=SIZED).spec.input.mean) == 3
