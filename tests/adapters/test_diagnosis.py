"""Failures of a forward pass are answered with what the network takes instead."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from interp.errors import ModelError
from interp.spec import ModelOptions
from interp_torch.opening import open_model

SIZE = {"size": (32, 32), "mean": (0, 0, 0), "std": (1, 1, 1)}


def refused(module: nn.Module, **options: object) -> str:
    """The one line that a module is refused with."""
    with pytest.raises(ModelError) as caught:
        open_model(module, ModelOptions(**{"input": SIZE, **options}))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def network(channels: int, *head: nn.Module) -> nn.Module:
    tail = head or (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), *tail)


class Calls(nn.Module):
    """Calls a function with its convolution and its inputs."""

    def __init__(self, conv: nn.Module, function) -> None:
        super().__init__()
        self.conv = conv
        self.function = function

    def forward(self, image: Tensor) -> object:
        return self.function(self.conv, image)


class Pair(nn.Module):
    def forward(self, left: Tensor, right: Tensor, scale: float = 1) -> Tensor:
        return (left - right).mean((2, 3)) * scale


class Frames(Calls):
    def forward(self, image: Tensor) -> Tensor:
        count, _, _, _, _ = image.shape
        return self.conv(image.flatten(0, 1)).mean((2, 3)).view(count, -1, 2).mean(1)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (network(1, nn.Flatten(), nn.Linear(4 * 28**2, 3)), "since the model takes grey images"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(28**2, 3)),
            "RGB images, and set --input size=28,28",
        ),
        (Pair(), "takes 2 inputs ('left', 'right')"),
        (
            nn.Sequential(nn.Conv3d(1, 2, 3), nn.AdaptiveAvgPool3d(1), nn.Flatten()),
            "takes five axes (N, 1, depth or frames, h, w)",
        ),
        (Frames(nn.Conv2d(3, 2, 3), None), "takes five axes (N, frames, 3, h, w)"),
        (nn.Conv1d(8, 2, 3), "takes three axes (N, 8, length)"),
        (Calls(nn.Conv2d(3, 2, 3), lambda conv, image: conv(image["image"])), "one tensor of im"),
        (Calls(nn.Conv2d(3, 2, 3), lambda conv, _: conv.nothing), "no attribute 'nothing'"),
    ],
)
def test_the_size_is_not_blamed_for_other_faults(module: nn.Module, message: str) -> None:
    found = refused(module)
    assert message in found
    assert ("--input size" in found) == ("--input size" in message)


@pytest.mark.parametrize("beside", [False, True])
def test_a_wrong_size_is_named_with_one_that_runs(beside: bool) -> None:
    module = network(3, nn.Flatten(), nn.Linear(4 * 64**2, 3))
    if beside:  # as channel attention has it
        module = nn.Sequential(nn.ModuleDict({"unused": nn.Conv1d(1, 1, 3)}), *module)
        module[0].forward = lambda image: image
    assert "it runs on images of 64x64: set --input size=64,64" in refused(module)


def answers(function) -> nn.Module:
    """A module that answers what the function makes of (N, 3) scores."""
    return Calls(nn.Conv2d(3, 3, 3), lambda conv, image: function(conv(image).mean((2, 3))))


@pytest.mark.parametrize(
    ("function", "key"),
    [
        (lambda scores: {"out": scores, "map": scores[..., None, None]}, "out"),
        (lambda scores: {"logits": scores, "features": scores * 2}, "logits"),
        (lambda scores: (scores, scores.mean()), "0"),
        (lambda scores: {"head": {"main": scores}, "loss": None}, "head.main"),
    ],
)
def test_scores_are_found_inside_an_answer(function, key: str) -> None:
    module = answers(function)
    model = open_model(module, ModelOptions(input=SIZE))
    assert any(f"its scores are read from {key!r}" in each for each in model.spec.notes)
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = module.conv(images).mean((2, 3))
    torch.testing.assert_close(model.predict(images), expected)
    assert "conv" in {each.name for each in model.layers()}
    assert module.training
    cut = model.cut("conv")
    frontier = cut.prefix(images)
    torch.testing.assert_close(cut.suffix(frontier, frontier.activation), expected)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda scores: (scores, scores * 2), "tuple with 0 (2, 3), 1 (2, 3)"),
        (lambda scores: {"out": scores[..., None, None]}, "dict with out (2, 3, 1, 1)"),
        (lambda scores: [{"boxes": each[None]} for each in scores], "list of 2, each dict with bo"),
        (lambda _: "cat", "answers str"),
    ],
)
def test_answers_that_hold_no_scores_are_outlined(function, message: str) -> None:
    assert message in refused(answers(function))


def test_a_network_that_answers_differently_each_time_is_told() -> None:
    module = answers(lambda scores: nn.functional.dropout(scores))
    notes = open_model(module, ModelOptions(input=SIZE)).spec.notes
    assert any("answers differently each time" in each for each in notes)
    steady = open_model(answers(lambda scores: scores), ModelOptions(input=SIZE)).spec.notes
    assert not any("differently" in each for each in steady)


def test_detectors_and_segmenters_with_random_weights_need_no_network(monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a download was tried")

    monkeypatch.setattr("torch.hub.download_url_to_file", fail)
    options = ModelOptions(device="cpu", weights="random", input={"size": (64, 64)})
    for name, readout in {
        "lraspp_mobilenet_v3_large": "pixels",
        "ssdlite320_mobilenet_v3_large": "boxes",
    }.items():
        assert open_model(f"torchvision:{name}", options).spec.readout == readout
