"""Saliency, SmoothGrad and guided backprop against slow second writings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from interp.context import Budget
from interp.engine.convergence import SETTLED
from interp.errors import UnsupportedError
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.network.preprocess import encode
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.target import parse_target

TARGETS = ["0", "2", "1, not 0"]


def slope(model: ModelAdapter, pixels: torch.Tensor, target: str, output: str) -> np.ndarray:
    """d score / d pixels (3, h, w), by autograd."""
    leaf = pixels[None].clone().requires_grad_()
    scores = model.probabilities(model.forward(leaf), output)[0]
    chosen = parse_target(target, model.spec.classes).select(scores)
    return torch.autograd.grad(chosen, leaf)[0][0].numpy()


def as_map(slopes: np.ndarray, signed: bool) -> np.ndarray:
    return slopes.sum(0) if signed else np.abs(slopes).max(0)


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-4) -> bool:
    return float(np.abs(found - expected).max()) <= tolerance * float(np.abs(expected).max())


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("output", ["logit", "prob"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("seed", range(2))
def test_saliency_is_autograd(
    small: Callable, explain: Callable, picture: Callable, seed, target, output, signed
) -> None:
    model, image = small(seed), picture(seed)
    found = explain("saliency", model, image, target, output=output, signed=signed).named("map")
    expected = slope(model, model.prepare(image)[0], target, output)
    assert close(found.values, as_map(expected, signed))
    assert found.signed is signed


@pytest.mark.parametrize("signed", [False, True])
def test_smoothgrad_without_noise_is_saliency(
    small: Callable, explain: Callable, picture: Callable, signed
) -> None:
    model, image = small(1), picture(1)
    found = explain("smoothgrad", model, image, "1", noise=0, draws=3, signed=signed)
    expected = explain("saliency", model, image, "1", signed=signed)
    assert close(found.named("map").values, expected.named("map").values, 1e-5)


@pytest.mark.parametrize("batch_size", [1, 3, None])
@pytest.mark.parametrize("signed", [False, True])
def test_smoothgrad_is_a_loop_over_draws(
    small: Callable, picture: Callable, registry: Registry, signed, batch_size
) -> None:
    model, image = small(0), picture(2)
    request = Request(
        method="smoothgrad",
        targets=("1",),
        params={"noise": 0.3, "signed": signed},
        seed=7,
        budget=Budget(samples=5, batch_size=batch_size),
    )
    found = run(request, registry=registry, model=model, images=[image]).explanation
    pixels = model.prepare(image)[0]
    size = 0.3 * float(pixels.max() - pixels.min())
    slopes = []
    for number in range(5):
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([7, number])))
        noise = generator.standard_normal((3, 32, 32), np.float32)
        slopes.append(slope(model, pixels + torch.from_numpy(size * noise), "1", "logit"))
    assert close(found.named("map").values, as_map(np.mean(slopes, 0), signed))
    assert found.samples == 5


def test_smoothgrad_draws_afresh_for_each_seed(
    small: Callable, picture: Callable, registry: Registry
) -> None:
    first, second = (
        run(
            Request(method="smoothgrad", targets=("1",), seed=seed, budget=Budget(samples=4)),
            registry=registry,
            model=small(0),
            images=[picture(0)],
        ).explanation.named("map")
        for seed in (0, 1)
    )
    assert not close(first.values, second.values, 0.01)


class Guided(torch.autograd.Function):
    """A rectifier that lets only positive slopes back, and only where it is on."""

    @staticmethod
    def forward(context, hidden):  # type: ignore[no-untyped-def]
        context.save_for_backward(hidden)
        return hidden.clamp(min=0)

    @staticmethod
    def backward(context, slopes):  # type: ignore[no-untyped-def]
        (hidden,) = context.saved_tensors
        return torch.where((hidden > 0) & (slopes > 0), slopes, 0.0)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("output", ["logit", "prob"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("seed", range(2))
def test_guided_backprop_is_the_network_with_guided_rectifiers(
    rectified: Callable, explain: Callable, picture: Callable, seed, target, output, signed
) -> None:
    model, image = rectified(seed), picture(seed)
    found = explain("guided-backprop", model, image, target, output=output, signed=signed)
    net = model.module()
    leaf = model.prepare(image)[0][None].requires_grad_()
    hidden = net.first[1](net.first[0](encode(leaf, model.spec.input)))
    hidden = functional.max_pool2d(Guided.apply(hidden), 2)
    hidden = Guided.apply(net.conv(hidden) + hidden)
    scores = model.probabilities(net.head(hidden.mean((2, 3))), output)[0]
    parse_target(target, model.spec.classes).select(scores).backward()
    assert close(found.named("map").values, as_map(leaf.grad[0].numpy(), signed))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("layer", ["first", "act"])
def test_guided_gradcam_is_the_product_of_both(
    rectified: Callable, explain: Callable, picture: Callable, layer, signed
) -> None:
    model, image = rectified(3), picture(3)
    found = explain("guided-gradcam", model, image, "1", layer=layer, signed=signed)
    slopes = explain("guided-backprop", model, image, "1", signed=signed).named("map").values
    cam = gradcam_over_input(model, image, layer)
    assert close(found.named("map").values, slopes * cam)
    assert cam.max() > 0


def gradcam_over_input(model: ModelAdapter, image: np.ndarray, layer: str) -> np.ndarray:
    """The positive part of Grad-CAM's cells for class 1, over the image; by the cut's suffix."""
    pixels, placement = model.prepare(image)
    cut = model.cut(layer)
    frontier = cut.prefix(pixels[None])
    maps = frontier.activation[0]
    flat = torch.eye(len(maps))[:, :, None, None].expand(-1, -1, *maps.shape[1:])
    target = parse_target("1", model.spec.classes)
    weights = cut.derivative(frontier, flat / maps[0].numel(), [target], "logit")[:, 0]
    cells = sum(w * a for w, a in zip(weights, maps, strict=True)).clamp(min=0)
    return placement.grid_to_input(cells.numpy(), model.layer(layer).field)


class Twice(nn.Module):
    """One rectifier module that runs twice, or the same as function calls."""

    def __init__(self, act: Callable) -> None:
        super().__init__()
        self.one, self.two, self.act = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 3), act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.two(self.act(self.one(x)))).mean((2, 3))


def test_guided_backprop_takes_a_rectifier_that_runs_twice(
    wrapped: Callable, explain: Callable, picture: Callable
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Twice(nn.ReLU(inplace=True)).eval()
    model, image = wrapped(net), picture(0)
    found = explain("guided-backprop", model, image, "1").named("map")
    leaf = model.prepare(image)[0][None].requires_grad_()
    hidden = Guided.apply(net.one(encode(leaf, model.spec.input)))
    Guided.apply(net.two(hidden)).mean((2, 3))[0, 1].backward()
    assert close(found.values, as_map(leaf.grad[0].numpy(), False))


@pytest.mark.parametrize("method", ["guided-backprop", "guided-gradcam"])
@pytest.mark.parametrize(
    ("act", "found"),
    [(functional.relu, "2 that are function calls"), (nn.GELU(), "none")],
)
def test_rectifiers_that_cannot_be_guided_are_named(
    wrapped: Callable, explain: Callable, picture: Callable, method, act, found
) -> None:
    with pytest.raises(UnsupportedError, match=f"found {found} in Twice; use saliency"):
        explain(method, wrapped(Twice(act).eval()), picture(0), "1")


@pytest.mark.parametrize("signed", [False, True])
def test_smoothgrad_knows_its_standard_error(signed: bool, small: Callable) -> None:
    """As the spread of repeated runs; --until stable doubles the draws until it is small."""
    model, image = small(), np.random.default_rng(2).integers(0, 256, (32, 32, 3), np.uint8)

    def asked(seed: int, **budget: Any) -> Explanation:
        request = Request(
            method="smoothgrad",
            targets=("1",),
            params={"signed": signed, "noise": 0.3},
            seed=seed,
            budget=Budget(**budget),
        )
        return run(request, model=model, images=[image]).explanation

    runs = [asked(seed, samples=20) for seed in range(30)]
    spread = np.std([each.map() for each in runs], 0, ddof=1)
    told = np.mean([each.mapped().error_map() for each in runs], 0)
    # Choosing the largest of three colours each time makes the spread a little smaller.
    assert told.mean() == pytest.approx(spread.mean(), rel=0.05 if signed else 0.25)
    settled = asked(0, until="stable")
    (scores,) = settled.scores.values()
    assert scores["reliability"] >= SETTLED and scores["samples"] == settled.samples
    assert settled.samples in (50, 100, 200, 400)
    cut_short = asked(0, until="stable", samples=2)
    assert any("not settled after 2 samples" in each for each in cut_short.notes)
