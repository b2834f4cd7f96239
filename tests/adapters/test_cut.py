"""A model cut at a layer answers as the whole model with that layer's output replaced."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from interp.cut import MapCut
from interp.errors import InputError
from interp.target import Target
from interp_torch.adapter import TorchAdapter
from interp_torch.cut import GraphCut, HookCut

NETWORKS = [
    "resnet18",
    "mobilenet_v3_small",
    "densenet121",
    "convnext_tiny",
    "vit_b_16",
    "CreaturesVGG",
    "CreaturesResNet",
]
TARGETS = [Target(3, "class 3"), Target(1, "class 1, not class 2", 2)]


def whole(model: TorchAdapter, images: Tensor, layer: str, activation: Tensor) -> Tensor:
    """The slow second way: the whole module with a hook that puts `activation` in."""
    module = model.network.module
    handle = module.get_submodule(layer).register_forward_hook(lambda *_: activation.clone())
    try:
        with torch.no_grad():
            return module.eval()(model.network.encode(images))
    finally:
        handle.remove()


def perturbed(activation: Tensor, batch: int, seed: int) -> Tensor:
    """`batch` versions of one activation with half of its values scaled down and moved."""
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, *activation.shape[1:])
    noise = torch.rand(shape, generator=generator)
    moved = torch.randn(shape, generator=generator) * activation.std() * 0.1
    return activation * (noise > 0.5) + moved


def assert_close(found: Tensor, expected: Tensor) -> None:
    """Equal to 1e-5 of the scores' scale."""
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def check_layer(model: TorchAdapter, layer: str) -> None:
    """Twice on one frontier, with two batch sizes, and with a frontier of several images."""
    size = model.spec.input.size
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    cut = model.cut(layer)
    cut = cut.inner if isinstance(cut, MapCut) else cut
    assert isinstance(cut, GraphCut)
    one, two = cut.prefix(images[:1]), cut.prefix(images)
    kept = one.activation.clone()
    for batch in (2, 3, 2):
        activation = perturbed(one.activation, batch, seed=batch)
        given = activation.clone()
        expected = whole(model, images[:1].expand(batch, -1, -1, -1), layer, activation)
        assert_close(cut.suffix(one, activation), expected)
        assert torch.equal(activation, given)
    assert torch.equal(one.activation, kept)
    activation = perturbed(two.activation, 2, seed=4)
    assert_close(cut.suffix(two, activation), whole(model, images, layer, activation))


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_whole_model_at_some_layers(
    name: str, network: Callable[[str], TorchAdapter]
) -> None:
    model = network(name)
    layers = model.layers()
    count = 2 if name == "vit_b_16" else 8
    for layer in layers[:: len(layers) // count]:
        check_layer(model, layer.name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_equals_whole_model_at_every_layer(
    name: str, network: Callable[[str], TorchAdapter]
) -> None:
    model = network(name)
    for layer in model.layers():
        check_layer(model, layer.name)


class InPlace(nn.Module):
    """Alters activations and skips in place after they were made."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.body = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(inplace=True))
        self.norm = nn.BatchNorm2d(6)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(6, 5)

    def forward(self, image: Tensor) -> Tensor:
        skip = self.stem(image)
        hidden = self.norm(self.body(skip))
        hidden += skip
        skip.clamp_(min=0)
        return self.fc(self.drop((hidden.relu_() * skip).mean((2, 3))))


class Untraceable(InPlace):
    """Decides by the values it sees, which no tracer can follow."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image) * (2 if float(image.std()) > 0.05 else 1)


@pytest.mark.parametrize(("kind", "cut_as"), [(InPlace, GraphCut), (Untraceable, HookCut)])
def test_work_in_place_leaves_the_frontier_alone(open_on_cpu, kind: type, cut_as: type) -> None:
    torch.manual_seed(0)
    model = open_on_cpu(kind())
    images = torch.rand(1, 3, 16, 16)
    names = [layer.name for layer in model.layers()]
    assert names == ["stem", "body.0", "body.1", "body", "norm", "drop", "fc"]
    for name in names:
        cut = model.cut(name)
        assert isinstance(cut, cut_as)
        frontier = cut.prefix(images)
        for batch in (1, 2, 3, 2):
            activation = perturbed(frontier.activation, batch, seed=batch)
            expected = whole(model, images.expand(batch, -1, -1, -1), name, activation)
            assert_close(cut.suffix(frontier, activation), expected)
        assert_close(cut.suffix(frontier, frontier.activation), model.predict(images))


def test_listing_says_how_a_model_is_cut(open_on_cpu) -> None:
    assert {layer.cut for layer in open_on_cpu(InPlace()).layers()} == {"graph"}
    assert {layer.cut for layer in open_on_cpu(Untraceable()).layers()} == {"hooks"}


@pytest.mark.parametrize("kind", [InPlace, Untraceable])
@pytest.mark.parametrize("output", ["logit", "prob", "logprob"])
def test_derivative_equals_finite_differences(open_on_cpu, kind: type, output: str) -> None:
    torch.manual_seed(1)
    model = open_on_cpu(kind())
    cut = model.cut("norm")
    frontier = cut.prefix(torch.rand(1, 3, 16, 16))
    directions = torch.randn(4, *frontier.activation.shape[1:])
    found = cut.derivative(frontier, directions, TARGETS, output)
    step = 1e-2
    moved = [frontier.activation + sign * step * directions for sign in (1, -1)]
    sides = [model.probabilities(cut.suffix(frontier, each), output) for each in moved]
    slope = (sides[0] - sides[1]).double() / (2 * step)
    expected = torch.stack([target.select(slope) for target in TARGETS], 1)
    assert found.shape == (4, 2)
    torch.testing.assert_close(found.double(), expected, rtol=0.05, atol=2e-3)


def test_derivative_equals_autograd_through_the_module(open_on_cpu) -> None:
    torch.manual_seed(2)
    model = open_on_cpu(InPlace())
    images = torch.rand(1, 3, 16, 16)
    cut = model.cut("body")
    frontier = cut.prefix(images)
    directions = torch.randn(3, *frontier.activation.shape[1:])
    found = cut.derivative(frontier, directions, TARGETS, "prob")
    activation = frontier.activation.clone().requires_grad_()
    module = model.module().eval()
    handle = module.body.register_forward_hook(lambda *_: activation.clone())
    scores = module(model.network.encode(images)).softmax(-1)[0]
    handle.remove()
    for column, target in enumerate(TARGETS):
        gradient = torch.autograd.grad(target.select(scores), activation, retain_graph=True)[0]
        expected = (directions * gradient).sum((1, 2, 3))
        torch.testing.assert_close(found[:, column], expected, rtol=1e-4, atol=1e-6)


def test_many_targets_are_differentiated_in_pieces(open_on_cpu) -> None:
    model = open_on_cpu(InPlace())
    cut = model.cut("norm")
    frontier = cut.prefix(torch.rand(1, 3, 16, 16))
    directions = torch.randn(2, *frontier.activation.shape[1:])
    many = cut.derivative(frontier, directions, TARGETS * 10, "logit")
    few = cut.derivative(frontier, directions, TARGETS, "logit")
    torch.testing.assert_close(many, few.repeat(1, 10))


def test_frontier_takes_one_image_or_as_many(open_on_cpu) -> None:
    cut = open_on_cpu(InPlace()).cut("stem")
    frontier = cut.prefix(torch.rand(2, 3, 16, 16))
    with pytest.raises(InputError, match="the frontier holds 2 images, the activation 3"):
        cut.suffix(frontier, frontier.activation[:1].expand(3, -1, -1, -1))
    with pytest.raises(InputError, match="stem has"):
        cut.suffix(frontier, frontier.activation[:, :2])


def test_key_depends_on_weights_layer_image_and_preprocessing(open_on_cpu) -> None:
    torch.manual_seed(3)
    module, images = InPlace(), torch.rand(1, 3, 16, 16)
    model = open_on_cpu(module)
    keys = {
        model.cut("stem").prefix(images).key,
        model.cut("norm").prefix(images).key,
        model.cut("stem").prefix(images * 0.5).key,
        open_on_cpu(InPlace()).cut("stem").prefix(images).key,
        open_on_cpu(module, input={"mean": (0, 0, 0)}).cut("stem").prefix(images).key,
    }
    assert len(keys) == 5
    assert open_on_cpu(module).cut("stem").prefix(images).key in keys


def test_rests_that_depend_on_nothing_before(open_on_cpu) -> None:
    """A cut at the last layer, and one that a later branch does not pass."""
    model = open_on_cpu(InPlace())
    frontier = model.cut("fc").prefix(torch.rand(1, 3, 16, 16))
    assert_close(model.cut("fc").suffix(frontier, frontier.activation * 2), frontier.activation * 2)


class Unfolding(nn.Module):
    """Patches of its maps as rows, by reshape; asks about shapes, so that it is exported."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.mix = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 4)
        self.act, self.fc = nn.ReLU(), nn.Linear(4, 5)

    def forward(self, image: Tensor) -> Tensor:
        maps = self.stem(image)
        count, channels, height, width = maps.shape
        if height % 2 or width % 2:
            raise ValueError("odd")
        rows = maps.reshape(count * channels * height // 2, 2, width // 2, 2).transpose(1, 2)
        rows = rows.reshape(count, channels, height * width // 4, 4)
        return self.fc(self.act(self.mix(rows)).mean((2, 3)))


def test_a_cut_holds_in_the_other_memory_layout(open_on_cpu) -> None:
    model = open_on_cpu(Unfolding())
    cut = model.cut("stem")
    assert isinstance(cut, GraphCut)
    images = torch.rand(1, 3, 16, 16)
    before = cut.prefix(images)
    directions = torch.rand(2, *before.activation.shape[1:])
    slopes = cut.derivative(before, directions, TARGETS, "logit")
    model.network._set_layout(torch.channels_last)
    frontier = cut.prefix(images)
    assert_close(cut.suffix(frontier, frontier.activation), model.predict(images))
    assert_close(cut.derivative(frontier, directions, TARGETS, "logit"), slopes)
