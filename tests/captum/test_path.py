"""DeepLIFT and conductance: slow second writings, and sums that are the score's change."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.network.preprocess import encode
from interp.opening.images import named_images
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp.target import parse_target

TARGETS = ["0", "2", "1, not 0"]
BASELINES = ["mean", "black", "grey"]
CREATURES = [("creatures-vgg", "stage3"), ("creatures-resnet", "stage3")]


def plain_image(model: ModelAdapter, baseline: str) -> torch.Tensor:
    """(1, 3, h, w)."""
    levels = {"mean": model.spec.input.mean, "black": (0.0,) * 3, "grey": (0.5,) * 3}[baseline]
    return torch.tensor(levels).view(1, 3, 1, 1).expand(1, 3, *model.spec.input.size)


def change(model: ModelAdapter, image: np.ndarray, target: str, baseline: str) -> float:
    """score(x) - score(b)."""
    pair = torch.cat([model.prepare(image)[0][None], plain_image(model, baseline)])
    full, none = parse_target(target, model.spec.classes).select(model.predict(pair))
    return float(full - none)


def creatures(name: str, registry: Registry) -> tuple[ModelAdapter, np.ndarray]:
    image = named_images(registry, ["sample"])[0].image
    return open_model(name, ModelOptions(device="cpu"), registry), image


def lifted(hidden: torch.Tensor, plain: torch.Tensor, act: Callable) -> torch.Tensor:
    """act(hidden) whose slope is the rescale rule's, (f(z) - f(z')) / (z - z')."""
    line = hidden * ((act(hidden) - act(plain)) / (hidden - plain)).detach()
    return act(hidden).detach() + line - line.detach()


def lifted_pool(hidden: torch.Tensor, plain: torch.Tensor) -> torch.Tensor:
    """The same of windows of 2 x 2, whose maxima are m and, of the plain image, m'.

    With M = max(m, m'), the cell that holds m has the share M - m' of the change, that of m' m - M.
    """
    out = torch.zeros(*hidden.shape[:2], hidden.shape[2] // 2, hidden.shape[3] // 2)
    for n, c, y, x in np.ndindex(*out.shape):
        window = (n, c, slice(2 * y, 2 * y + 2), slice(2 * x, 2 * x + 2))
        z, z0 = hidden[window].flatten(), plain[window].flatten()
        most = max(float(z.max().detach()), float(z0.max()))
        shares = (int(z.argmax()), most - z0.max()), (int(z0.argmax()), z.max().detach() - most)
        line = sum(z[k] * share / (z - z0)[k].detach() for k, share in shares if share != 0)
        out[n, c, y, x] = z.max().detach() + line - torch.as_tensor(line).detach()
    return out


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("seed", range(2))
def test_deeplift_is_the_rescale_rule_by_hand(
    rectified: Callable, explain: Callable, picture: Callable, seed, target, baseline
) -> None:
    model, image = rectified(seed), picture(seed)
    found = explain("deeplift", model, image, target, baseline=baseline).named("map")
    net = model.module()
    leaf = model.prepare(image)[0][None].requires_grad_()
    plain = plain_image(model, baseline)
    z, z0 = (net.first[:2](encode(each, model.spec.input)) for each in (leaf, plain))
    a, a0 = lifted(z, z0, torch.relu), torch.relu(z0)
    h, h0 = lifted_pool(a, a0.detach()), functional.max_pool2d(a0, 2)
    u, u0 = net.conv(h) + h, net.conv(h0) + h0
    r, r0 = lifted(u, u0, torch.relu), torch.relu(u0)
    v, v0 = (net.head[:2](each.mean((2, 3))) for each in (r, r0))
    scores = net.head[3](lifted(v, v0, torch.tanh))
    parse_target(target, model.spec.classes).select(scores)[0].backward()
    expected = ((leaf - plain) * leaf.grad)[0].sum(0).detach().numpy()
    assert np.abs(found.values - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("name", [each for each, _ in CREATURES])
def test_deeplift_adds_up_on_creatures(
    explain: Callable, registry: Registry, name, baseline
) -> None:
    """A rectifier before a pooling, residual sums; the map lies over the input pixel by pixel."""
    model, image = creatures(name, registry)
    size = model.spec.input.size
    image = image[: size[0], : size[1]]
    found = explain("deeplift", model, image, "1, not 0", baseline=baseline).named("map")
    expected = change(model, image, "1, not 0", baseline)
    assert abs(float(found.values.sum()) - expected) < 1e-3 * abs(expected)


class Acting(nn.Module):
    """Two convolutions, with something between and behind them."""

    def __init__(self, act: Callable, last: Callable) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 3)
        self.act, self.last = act, last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.two(self.act(self.one(x)))).mean((2, 3))


RELU = nn.ReLU()


@pytest.mark.parametrize(
    ("act", "last", "message"),
    [
        (RELU, RELU, "Acting runs act 2 times"),
        (functional.relu, nn.Identity(), "add up to .* where the score changes by"),
        (nn.GELU(), nn.Identity(), "add up to .* where the score changes by"),
        (nn.MaxPool2d(3, 1, 1), nn.ReLU(), "add up to .* where the score changes by"),
    ],
    ids=["twice", "function", "unknown", "overlap"],
)
def test_deeplift_says_where_it_does_not_hold(
    wrapped: Callable, explain: Callable, picture: Callable, act, last, message
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Acting(act, last).eval()
    module.one.bias.data = torch.linspace(-1, 1, 4)
    model = wrapped(module)
    with pytest.raises(UnsupportedError, match=f"{message}.*use integrated-gradients"):
        explain("deeplift", model, picture(0), "1")


@pytest.mark.parametrize("output", ["logit", "prob"])
@pytest.mark.parametrize("layer", ["first", "conv"])
@pytest.mark.parametrize("target", TARGETS)
def test_conductance_is_a_loop_over_the_path(
    small: Callable, explain: Callable, picture: Callable, target, layer, output
) -> None:
    """Slopes at the layer times its steps; `conv` is followed by an in-place activation."""
    model, image = small(1), picture(1)
    found = explain("layer-conductance", model, image, target, layer=layer, output=output, steps=9)
    pixels, plain = model.prepare(image)[0][None], plain_image(model, "mean")
    net, total, before = model.module(), 0.0, None
    for alpha in np.linspace(0, 1, 10):
        inputs = encode(plain + float(alpha) * (pixels - plain), model.spec.input)
        with torch.no_grad():
            units = net.first(inputs)
            units = (units if layer == "first" else net.conv(units)).clone()
        if before is not None:
            total = total + before[1] * (units - before[0])
        leaf = units.clone().requires_grad_()
        hidden = net.conv(leaf) if layer == "first" else leaf
        scores = net.head(functional.hardswish(hidden).mean((2, 3)))[0]
        score = parse_target(target, model.spec.classes).select(model.probabilities(scores, output))
        before = (units, torch.autograd.grad(score, leaf)[0])
    cells, placement = total[0].sum(0).numpy(), model.prepare(image)[1]
    expected = placement.to_image(placement.grid_to_input(cells, model.layer(layer).field))
    apart = np.abs(found.named("map").values - expected).max()
    assert apart < 1e-4 * np.abs(expected).max()
    np.testing.assert_allclose(
        found.named("channels").values, total[0].sum((1, 2)), rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("layer", ["first", "conv"])
@pytest.mark.parametrize("target", TARGETS)
def test_conductance_adds_up(
    small: Callable, explain: Callable, picture: Callable, target, layer, baseline
) -> None:
    model, image = small(0), picture(0)
    found = explain(
        "layer-conductance", model, image, target, layer=layer, baseline=baseline, steps=1000
    )
    expected = change(model, image, target, baseline)
    assert abs(found.named("channels").values.sum() - expected) < 1e-2 * abs(expected)


@pytest.mark.parametrize(("name", "layer"), CREATURES)
def test_conductance_adds_up_on_creatures(
    explain: Callable, registry: Registry, name, layer
) -> None:
    model, image = creatures(name, registry)
    best = str(int(model.predict(model.prepare(image)[0][None]).argmax()))
    found = explain("layer-conductance", model, image, best, layer=layer, steps=200)
    expected = change(model, image, best, "mean")
    assert abs(found.named("channels").values.sum() - expected) < 0.01 * abs(expected)
