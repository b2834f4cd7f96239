"""Relevance against a slow second writing, against gradient x input, and against Zennit itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from zennit import composites
from zennit.attribution import Gradient
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.layer import Sum
from zennit.torchvision import ResNetCanonizer

from interp.network.preprocess import encode
from interp_torch.adapter import TorchAdapter

COMPOSITES = ["epsilon", "epsilon-plus", "epsilon-gamma-box", "alpha2-beta1"]


def network_input(model: TorchAdapter, image: np.ndarray) -> Tensor:
    return encode(model.prepare(image)[0][None], model.spec.input)


def ends(model: TorchAdapter) -> tuple[Tensor, Tensor]:
    """The network's input for black and white pixels."""
    mean, std = (
        torch.tensor(each).view(1, 3, 1, 1)
        for each in (model.spec.input.mean, model.spec.input.std)
    )
    return -mean / std, (1 - mean) / std


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-3) -> None:
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("target", [0, 2])
def test_epsilon_without_biases_is_gradient_times_input(
    plain: Callable, explain: Callable, picture: Callable, seed: int, target: int
) -> None:
    model, image = plain(seed, bias=False), picture(seed)
    found = explain("lrp", model, image, str(target), composite="epsilon")
    x = network_input(model, image).requires_grad_()
    score = model.module()(x)[0, target]
    (slope,) = torch.autograd.grad(score, x)
    close(found.map(), (x * slope)[0].sum(0).detach().numpy())
    scores = found.scores[model.spec.classes[target]]
    assert scores["conservation_error"] < 1e-4
    assert scores["score"] == pytest.approx(float(score), rel=1e-4)
    assert found.map().sum() == pytest.approx(float(score), rel=1e-3)


def dense(layer: nn.Module, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A layer without activation as a matrix (outputs, inputs) and its bias, by unit inputs."""
    count = int(np.prod(shape))
    with torch.no_grad():
        bias = layer(torch.zeros(1, *shape)).flatten()
        columns = layer(torch.eye(count).reshape(count, *shape)).flatten(1) - bias
    return columns.T.double().numpy(), bias.double().numpy()


def passed(
    rule: str, x: np.ndarray, w: np.ndarray, b: np.ndarray, relevance: np.ndarray,
    box: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:  # fmt: skip
    """The inputs' relevance by one rule, term by term."""
    found = np.zeros_like(x)
    for j, received in enumerate(relevance):
        z = x * w[j]
        if rule == "epsilon":
            found += z / (z.sum() + b[j]) * received
        elif rule == "box":
            low, high = box
            z = x * w[j] - low * np.maximum(w[j], 0) - high * np.minimum(w[j], 0)
            rest = b[j] - max(b[j], 0) - min(b[j], 0)
            found += z / (z.sum() + rest) * received
        elif rule == "gamma":
            total = z.sum() + b[j]
            grown = np.where(z * np.sign(total) > 0, z * 1.25, z)
            bias = b[j] * (1.25 if b[j] * np.sign(total) > 0 else 1)
            found += grown / (grown.sum() + bias) * received
        else:
            alpha, beta = {"plus": (1, 0), "alpha2beta1": (2, 1)}[rule]
            up, down = np.maximum(z, 0), np.minimum(z, 0)
            more = up / max(up.sum() + max(b[j], 0), 1e-9)
            less = down / min(down.sum() + min(b[j], 0), -1e-9)
            found += (alpha * more - beta * less) * received
    return found


RULES = {
    "epsilon": ("epsilon", "epsilon", "epsilon"),
    "epsilon-plus": ("plus", "plus", "epsilon"),
    "alpha2-beta1": ("alpha2beta1", "alpha2beta1", "epsilon"),
    "epsilon-gamma-box": ("box", "gamma", "epsilon"),
}


@pytest.mark.parametrize("name", COMPOSITES)
@pytest.mark.parametrize("seed", [0, 1])
def test_each_composite_is_its_rules_term_by_term(
    plain: Callable, explain: Callable, picture: Callable, name: str, seed: int
) -> None:
    model, image = plain(seed), picture(seed)
    net = model.module()
    x = network_input(model, image)
    low, high = (each.expand_as(x).flatten().double().numpy() for each in ends(model))
    inputs = [x, net[:2](x).detach(), net[:4](x).detach()]
    layers = [net[0], net[2], net[4:]]
    scores = net(x)[0].detach().double().numpy()
    relevance = np.zeros(3)
    relevance[1] = scores[1]
    for given, layer, rule in reversed(list(zip(inputs, layers, RULES[name], strict=True))):
        w, b = dense(layer, tuple(given.shape[1:]))
        relevance = passed(rule, given.flatten().double().numpy(), w, b, relevance, (low, high))
    expected = relevance.reshape(3, 12, 12).sum(0)
    found = explain("lrp", model, image, "1", composite=name).map()
    close(found, expected, 2e-3)


def zennit_itself(net: nn.Module, x: Tensor, target: int, composite: object) -> np.ndarray:
    """Zennit's own attribution of a copy."""
    for each in net.modules():
        if hasattr(each, "inplace"):
            each.inplace = False
    asked = nn.functional.one_hot(torch.tensor([target]), len(net(x)[0]))
    with Gradient(model=net, composite=composite) as attributor:  # type: ignore[arg-type]
        _, relevance = attributor(x.clone().requires_grad_(), lambda scores: scores * asked)
    found: np.ndarray = relevance[0].sum(0).detach().numpy()
    return found


def its_own(name: str, model: TorchAdapter, canonizer: object) -> object:
    low, high = ends(model)
    made = {
        "epsilon-plus": lambda: composites.EpsilonPlus(canonizers=[canonizer]),
        "alpha2-beta1": lambda: composites.EpsilonAlpha2Beta1(canonizers=[canonizer]),
        "epsilon-gamma-box": lambda: composites.EpsilonGammaBox(
            low=low, high=high, canonizers=[canonizer]
        ),
    }
    return made[name]()


@pytest.mark.parametrize("name", COMPOSITES[1:])
@pytest.mark.parametrize("network", ["resnet18", "vgg11_bn"])
def test_torchvision_networks_are_as_zennit_has_them(
    open_module: Callable, explain: Callable, picture: Callable, network: str, name: str
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = getattr(torchvision.models, network)(weights=None, num_classes=5).eval()
    model, image = open_module(net, 64), picture(0, 64)
    found = explain("lrp", model, image, "3", composite=name).map()
    canonizer = ResNetCanonizer() if network == "resnet18" else SequentialMergeBatchNorm()
    x = network_input(model, image)
    close(found, zennit_itself(net, x, 3, its_own(name, model, canonizer)), 1e-3)


class WithSums(nn.Module):
    """Normed, with modules in place of the sum and the mean that are function calls there."""

    def __init__(self, other: nn.Module) -> None:
        super().__init__()
        self.first, self.second, self.act, self.head = (
            other.first,
            other.second,
            other.act,
            other.head,
        )
        self.sum, self.pool = Sum(), nn.AdaptiveAvgPool2d(1)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.first(image)
        both = self.sum(torch.stack([self.second(hidden), hidden], -1))
        return self.head(self.pool(self.act(both)).flatten(1))


@pytest.mark.parametrize("name", COMPOSITES[1:])
def test_sums_that_are_function_calls_are_split_as_zennits_modules(
    normed: Callable, explain: Callable, picture: Callable, name: str
) -> None:
    model, image = normed(0), picture(0)
    found = explain("lrp", model, image, "1", composite=name).map()
    twin = WithSums(normed(0).module()).eval()
    x = network_input(model, image)
    composite = its_own(name, model, SequentialMergeBatchNorm())
    close(found, zennit_itself(twin, x, 1, composite), 1e-3)


def test_a_difference_of_classes_is_the_difference_of_relevance(
    plain: Callable, explain: Callable, picture: Callable
) -> None:
    model, image = plain(0), picture(0)
    first, second = (explain("lrp", model, image, each).map() for each in ("0", "2"))
    both = explain("lrp", model, image, "0, not 2")
    close(both.map(), first - second)


@pytest.mark.parametrize("zero_bias", [True, False])
def test_what_biases_take_is_told(
    plain: Callable, explain: Callable, picture: Callable, zero_bias: bool
) -> None:
    model = plain(0)
    found = explain("lrp", model, picture(0), "1", composite="epsilon", zero_bias=zero_bias)
    lost = found.scores[model.spec.classes[1]]["conservation_error"]
    assert (lost < 1e-2) == zero_bias
    assert any("read the map as a ranking" in note for note in found.notes) != zero_bias


@pytest.mark.parametrize("name", COMPOSITES)
def test_relevance_of_all_channels_is_all_relevance(
    plain: Callable, explain: Callable, picture: Callable, name: str
) -> None:
    model, image = plain(2), picture(2)
    channels = explain("crp", model, image, "1", composite=name, layer="1", channels=(0, 1, 2, 3))
    whole = explain("lrp", model, image, "1", composite=name).map()
    close(channels.map(), whole)
    (alone,) = channels.of("part_maps")
    close(alone.maps.sum(0), whole)


def test_relevance_of_a_channel_is_that_of_the_network_without_the_others(
    plain: Callable, explain: Callable, picture: Callable
) -> None:
    """Without biases and by epsilon: input x the gradient that passes through the channel."""
    model, image = plain(3, bias=False), picture(3)
    net, x = model.module(), network_input(plain(3, bias=False), image).requires_grad_()
    hidden = net[:2](x)
    score = net[2:](hidden)[0, 0]
    (through,) = torch.autograd.grad(score, hidden, retain_graph=True)
    received = (through * hidden).sum((0, 2, 3)).detach().numpy()
    mask = torch.zeros_like(through)
    mask[:, 2] = 1
    (slope,) = torch.autograd.grad(hidden, x, through * mask)
    found = explain("crp", model, image, "0", composite="epsilon", layer="1", channels=(2,))
    close(found.map(), (x * slope)[0].sum(0).detach().numpy())
    close(found.of("channel_importance")[0].values, received)
