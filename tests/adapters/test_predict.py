"""From images to scores and probabilities."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from interp.errors import InputError
from interp.target import Target


class Means(nn.Module):
    """Scores are the channel means of what the network is given."""

    def forward(self, image: Tensor) -> Tensor:
        return image.mean((2, 3))


def test_preprocessing(open_on_cpu) -> None:
    given = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.25, 0.2)}
    images = torch.rand(2, 3, 16, 16)
    mean, std = torch.tensor(given["mean"]), torch.tensor(given["std"])
    expected = (images.mean((2, 3)) - mean) / std
    torch.testing.assert_close(open_on_cpu(Means(), input=given).predict(images), expected)
    backwards = (images.flip(1).mean((2, 3)) - mean) / std
    found = open_on_cpu(Means(), input={**given, "order": "BGR"}).predict(images)
    torch.testing.assert_close(found, backwards)


def test_other_sizes_are_resized_without_aliasing(open_on_cpu) -> None:
    given = {"mean": (0, 0, 0), "std": (1, 1, 1)}
    stripes = torch.zeros(1, 3, 64, 64)
    stripes[..., ::4] = 1
    found = open_on_cpu(Means(), input=given).predict(stripes)
    torch.testing.assert_close(found, torch.full((1, 3), 0.25), atol=0.02, rtol=0)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities(open_on_cpu, activation: str) -> None:
    model = open_on_cpu(Means(), activation=activation)
    scores = torch.randn(2, 4, 3)
    assert model.probabilities(scores, "logit") is scores
    total = scores.exp().sum(-1, keepdim=True)
    expected = scores.exp() / total if activation == "softmax" else 1 / (1 + (-scores).exp())
    torch.testing.assert_close(model.probabilities(scores), expected)
    torch.testing.assert_close(model.probabilities(scores, "logprob"), expected.log())
    extreme = model.probabilities(torch.tensor([200.0, -200.0, 0.0]), "logprob")
    assert extreme.isfinite().all()


def test_a_model_that_answers_probabilities_is_noticed(open_on_cpu) -> None:
    model = open_on_cpu(nn.Sequential(Means(), nn.Softmax(-1)))
    assert model.spec.activation == "none"
    assert any("probabilities" in note for note in model.spec.notes)
    scores = torch.tensor([[0.9, 0.1, 0.0]])
    assert model.probabilities(scores, "prob") is scores
    for output in ("logit", "logprob"):
        found = model.probabilities(scores, output)
        assert found.isfinite().all()
        torch.testing.assert_close(found[:, :2], scores[:, :2].log())


def test_raw_scores_stay_what_they_are(open_on_cpu) -> None:
    model = open_on_cpu(Means(), activation="none")
    scores = torch.tensor([[-2.0, 3.0, 0.5]])
    assert model.probabilities(scores, "prob") is scores
    assert model.probabilities(scores, "logit") is scores


def test_gradient_of_each_image(open_on_cpu) -> None:
    class Squares(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return (image**2).sum((2, 3))

    given = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.25, 0.2)}
    model = open_on_cpu(Squares(), input=given)
    images = torch.rand(2, 3, 16, 16)
    std = torch.tensor(given["std"]).view(3, 1, 1)
    whole = 2 * (images - 0.5) / std**2
    found = model.gradient(images, [Target(0, "red"), Target(2, "blue, not green", 1)])
    expected = torch.zeros_like(images)
    expected[0, 0] = whole[0, 0]
    expected[1, 2], expected[1, 1] = whole[1, 2], -whole[1, 1]
    torch.testing.assert_close(found, expected)
    one = model.gradient(images, [Target(0, "red")])
    torch.testing.assert_close(one[:, 0], whole[:, 0])
    with pytest.raises(InputError, match="2 images and 3 targets"):
        model.gradient(images, [Target(0, "red")] * 3)


def test_activations_are_taken_before_in_place_work(open_on_cpu) -> None:
    torch.manual_seed(0)
    stem = nn.Conv2d(3, 4, 3)
    model = open_on_cpu(nn.Sequential(stem, nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(784, 3)))
    images = torch.rand(2, 3, 16, 16)
    found = model.activations(images, ["1", "0"])
    expected = stem(model.network.encode(images))
    torch.testing.assert_close(found["0"], expected)
    torch.testing.assert_close(found["1"], functional.relu(expected))


class TakesViews(nn.Module):
    """A network that takes a view of its maps, which fails where they lie channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.last = nn.Linear(4 * 14 * 14, 3)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.first(images)
        return self.last(maps.view(len(maps), -1))


def small() -> nn.Module:
    body = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3)
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(576, 3))


@pytest.mark.parametrize("owned", [True, False])
@pytest.mark.parametrize("count", [1, 4])
def test_memory_layout_changes_nothing(open_on_cpu, owned: bool, count: int) -> None:
    torch.manual_seed(0)
    model = open_on_cpu(small())
    model.network.owned = owned
    images = torch.rand(count, 3, 16, 16)
    cut, found = model.cut("0"), []
    for layout in (torch.channels_last, torch.contiguous_format):
        model.network._set_layout(layout)
        found.append(model.predict(images))
        frontier = cut.prefix(images)
        torch.testing.assert_close(cut.suffix(frontier, frontier.activation), found[-1])
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-5)


def test_a_callers_weights_stay_as_they_lie(open_on_cpu) -> None:
    module = small()
    model = open_on_cpu(module)
    model.predict(torch.rand(4, 3, 16, 16))
    assert model.network.layout == torch.channels_last
    assert module[0].weight.is_contiguous()


def test_images_lie_as_the_module_can_take_them(open_on_cpu) -> None:
    module = TakesViews()
    model, images = open_on_cpu(module), torch.rand(70, 3, 16, 16)
    encoded = model.network.encode(images)
    torch.testing.assert_close(model.predict(images), module(encoded).detach())
    assert model.network.layout == torch.contiguous_format
