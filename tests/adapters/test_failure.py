"""Models that do not run on a batch of RGB images, and answers that are no tensor of scores."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from interp.errors import ModelError
from interp.spec import ModelOptions
from interp.target import Target
from interp_torch.opening import open_model

PLAIN = {"size": (32, 32), "mean": (0, 0, 0), "std": (1, 1, 1)}


def flat(channels: int) -> nn.Module:
    layers = [nn.Conv2d(channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)]
    return nn.Sequential(*layers)


class Pair(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left - right


class Volume(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 2, 3)

    def forward(self, clip: Tensor) -> Tensor:
        return self.conv(clip).mean((2, 3, 4))


class Signal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3)

    def forward(self, signal: Tensor) -> Tensor:
        return self.conv(signal).mean(2)


class Normed(nn.Module):
    """One channel, which no convolution tells: the mean of its input is subtracted first."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)

    def forward(self, image: Tensor) -> Tensor:
        return self.norm(image).flatten(1)[:, :3]


class Named(nn.Module):
    def forward(self, batch: Tensor) -> Tensor:
        return batch["image"]  # type: ignore[call-overload]


class Own(nn.Module):
    """Fails on every image, for a reason of its own."""

    def forward(self, image: Tensor) -> Tensor:
        raise ValueError("the vocabulary is empty")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (flat(4), "expected 4 values, one for each channel"),
        (flat(12), "expected 12 values, one for each channel"),
        (Normed(), "takes 1 channel and was given 3: set --input mean"),
        (Pair(), "takes 2 inputs ('left', 'right'); wrap it so that one image varies"),
        (Volume(), "takes five axes (N, 1, depth or frames, h, w)"),
        (Signal(), "takes three axes (N, 2, length)"),
        (Named(), "it is given one tensor of images (2, 3, 32, 32)"),
        (Own(), "ValueError: the vocabulary is empty"),
    ],
)
def test_the_hint_follows_from_what_went_wrong(model: nn.Module, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        open_model(model, ModelOptions(device="cpu", input=PLAIN))
    assert message in str(caught.value)
    assert "--input size" not in str(caught.value) and "\n" not in str(caught.value)


def test_the_size_that_works_is_named() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 62 * 62, 3))
    with pytest.raises(ModelError, match="it runs on images of 64x64: set --input size=64,64"):
        open_model(model, ModelOptions(device="cpu", input=PLAIN))


@dataclass
class Answer:
    logits: Tensor
    features: Tensor


Both = namedtuple("Both", ["scores", "extra"])
FORMS: dict[str, tuple[Callable[[Tensor], object], str]] = {
    "dict": (lambda y: {"out": y, "aux": y[:, :, None]}, "'out'"),
    "tuple": (lambda y: (y[:, 0], y), "'1'"),
    "named": (lambda y: Both(y, None), "'scores'"),
    "dataclass": (lambda y: Answer(y, torch.cat([y, y], 1)), "'logits'"),
    "nested": (lambda y: {"head": {"logits": y}, "other": (y, y)}, "'head.logits'"),
}


class Answering(nn.Module):
    """A network with two layers, one of them aware of training, and an answer of some form."""

    def __init__(self, form: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.conv, self.fc, self.form = nn.Conv2d(3, 4, 3), nn.Linear(4, 3), form

    def forward(self, image: Tensor) -> object:
        scores = self.fc(self.conv(image).relu().mean((2, 3)))
        return self.form(scores + 100 if self.training else scores)


@pytest.mark.parametrize("form", FORMS)
def test_scores_in_another_answer_are_found_and_told(form: str) -> None:
    make, where = FORMS[form]
    module = Answering(make)
    model = open_model(module, ModelOptions(device="cpu", input=PLAIN))
    images = torch.rand(2, 3, 32, 32)
    plain = Answering(lambda y: y).eval()
    plain.load_state_dict(module.state_dict())
    expected = plain(images)
    torch.testing.assert_close(model.predict(images), expected)
    assert f"its scores are read from {where}" in " / ".join(model.spec.notes)
    assert [each.name for each in model.layers()] == ["conv", "fc"]
    cut = model.cut("conv")
    frontier = cut.prefix(images)
    assert cut.layer.cut == "graph"
    torch.testing.assert_close(cut.suffix(frontier, frontier.activation), expected)
    assert model.gradient(images, [Target(1, "b")]).shape == images.shape
    assert module.training and [name for name, _ in model.module().named_modules()] == [
        "",
        "conv",
        "fc",
    ]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (lambda y: {"a": y, "b": y}, "answers dict with a (2, 3), b (2, 3) to 2 images"),
        (lambda y: [{"boxes": y}] * 2, "answers list of 2, each dict with boxes (2, 3)"),
        (lambda y: {"out": y[:, :, None]}, "answers dict with out (2, 3, 1)"),
        (lambda y: Answer(y[0], y[0]), "answers Answer with logits (3,), features (3,)"),
        (lambda y: "cat", "answers str to 2 images"),
    ],
)
def test_other_answers_are_named(form: Callable[[Tensor], object], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        open_model(Answering(form), ModelOptions(device="cpu", input=PLAIN))
    assert message in str(caught.value)


class Dropping(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return nn.functional.dropout(image.flatten(1)[:, :8], 0.5)


class Mingling(nn.Module):
    """Normalised by the statistics of the batch, whatever the mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, track_running_stats=False)

    def forward(self, image: Tensor) -> Tensor:
        return self.norm(image)[:, :, 0, 0]


def test_answers_that_differ_are_told() -> None:
    options = ModelOptions(device="cpu", input=PLAIN)
    notes = open_model(Dropping(), options).spec.notes
    assert "the model answers differently each time (dropout on?): maps show noise" in notes
    notes = open_model(Mingling(), options).spec.notes
    assert any("depend on the others in its batch" in each for each in notes)
    notes = open_model(flat(3), options).spec.notes
    assert not any("batch" in each or "differently" in each for each in notes)
