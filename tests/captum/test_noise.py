"""The noise tunnel on every gradient method: slow second writings, Captum's own, and its error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import captum.attr
import numpy as np
import pytest
import torch

from interp.context import Budget
from interp.engine.convergence import SETTLED
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.target import parse_target
from interp.testing import MethodCase, method_checks

NOISE, COUNT, SEED = 0.2, 6, 3
METHODS = {
    "saliency": {},
    "input-x-gradient": {},
    "integrated-gradients": {"steps": 4},
    "deeplift": {},
    "guided-backprop": {},
    "guided-gradcam": {},
}
KINDS = ["smoothgrad", "smoothgrad-sq", "vargrad"]
LARGEST = {"saliency", "guided-backprop", "guided-gradcam"}
"""Show the largest colour, unless signed."""


@pytest.fixture
def unsaturated(rectified: Callable) -> ModelAdapter:
    """Rectified without its steep head, whose tanh leaves no slope on noisy images."""
    model = rectified(0)
    model.module().head[1].weight.data /= 20
    return model


def copies(model: ModelAdapter, image: np.ndarray, count: int = COUNT) -> torch.Tensor:
    """The noisy copies by their numbers, (N, 3, h, w)."""
    pixels = model.prepare(image)[0]
    size = NOISE * float(pixels.max() - pixels.min())
    keys = [np.random.SeedSequence([SEED, number]) for number in range(count)]
    drawn = [
        np.random.Generator(np.random.Philox(key)).standard_normal((3, 32, 32), "f4")
        for key in keys
    ]
    return pixels + size * torch.from_numpy(np.stack(drawn))


def asked(
    method: str, model: ModelAdapter, image: np.ndarray, registry: Registry, **params: Any
) -> Explanation:
    budget = params.pop("budget", Budget(batch_size=4))
    request = Request(method=method, targets=("1",), params=params, seed=SEED, budget=budget)
    return run(request, registry=registry, model=model, images=[image]).explanation


def tunnel(kind: str, signed: bool, maps: np.ndarray) -> np.ndarray:
    """The tunnel's map of attributions (N, 3, h, w), written slowly."""
    mean, squares = maps.mean(0), (maps**2).mean(0)
    found = {"smoothgrad": mean, "smoothgrad-sq": squares, "vargrad": squares - mean**2}[kind]
    return found.sum(0) if signed else np.abs(found).max(0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signed", [False, True])
def test_the_tunnel_of_slopes_is_a_loop(
    small: Callable, picture: Callable, registry: Registry, signed: bool, kind: str
) -> None:
    model, image = small(1), picture(1)
    found = asked(
        "saliency", model, image, registry,
        noise_samples=COUNT, noise=NOISE, noise_kind=kind, signed=signed,
    ).mapped()  # fmt: skip
    target = parse_target("1", model.spec.classes)
    slopes = [model.gradient(each[None], [target])[0] for each in copies(model, image)]
    expected = tunnel(kind, signed, torch.stack(slopes).double().numpy())
    assert np.abs(found.map() - expected).max() < 1e-4 * np.abs(expected).max()
    assert found.signed == (signed and kind == "smoothgrad")
    assert (found.error_map() is None) == (kind == "vargrad")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_the_tunnel_is_that_of_the_method_on_each_copy(
    method: str, kind: str, unsaturated: ModelAdapter, picture: Callable, registry: Registry
) -> None:
    """Of colours' sums the mean is the sum's mean; squares are taken of each colour, below."""
    model, image = unsaturated, picture(0)
    given = {"noise_samples": COUNT, "noise": NOISE, "noise_kind": kind, **METHODS[method]}
    found = asked(method, model, image, registry, **given).map()
    alone = [_attributions(method, model, each, registry) for each in copies(model, image)]
    expected = tunnel(kind, method not in LARGEST, np.stack(alone).astype(float))
    assert expected.any()
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def _attributions(
    method: str, model: ModelAdapter, pixels: torch.Tensor, registry: Registry
) -> np.ndarray:
    """The method's attributions of one copy before colours are joined, (3, h, w)."""
    from interp.context import Context
    from interp_captum.bridge import Score
    from interp_captum.method import CaptumInput

    kind = registry.get("method", method)
    made = kind(kind.Params(**METHODS[method]))
    placement = model.prepare(np.zeros((32, 32, 3), np.uint8))[1]
    score = Score(model, parse_target("1", model.spec.classes), "logit", Context(seed=SEED))
    given = CaptumInput(score, pixels[None], placement)
    return made.attributions(given, given.pixels)[0].numpy()


@pytest.mark.parametrize("kind", ["smoothgrad", "smoothgrad_sq", "vargrad"])
def test_captums_tunnel_gives_the_same_of_the_same_noise(
    kind: str,
    small: Callable,
    picture: Callable,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, image = small(2), picture(2)
    pixels = model.prepare(image)[0][None]
    drawn = copies(model, image) - pixels
    monkeypatch.setattr(torch, "normal", lambda mean, deviations: drawn)
    theirs = captum.attr.NoiseTunnel(captum.attr.Saliency(lambda x: model.forward(x)[:, 1]))
    expected = theirs.attribute(pixels, nt_type=kind, nt_samples=COUNT, stdevs=1.0, abs=False)
    ours = asked(
        "saliency", model, image, registry, signed=True,
        noise_samples=COUNT, noise=NOISE, noise_kind=kind.replace("_", "-"),
    ).map()  # fmt: skip
    summed = expected[0].sum(0).detach().numpy()
    assert np.abs(ours - summed).max() < 1e-4 * np.abs(summed).max()


def test_smoothgrad_is_saliency_in_the_tunnel(
    small: Callable, picture: Callable, registry: Registry
) -> None:
    model, image = small(0), picture(0)
    one = asked("smoothgrad", model, image, registry, draws=7, noise=NOISE)
    two = asked("saliency", model, image, registry, noise_samples=7, noise=NOISE)
    np.testing.assert_array_equal(one.map(), two.map())
    np.testing.assert_array_equal(one.mapped().error_map(), two.mapped().error_map())


@pytest.mark.parametrize("method", METHODS)
def test_no_noise_is_the_method_itself(
    method: str, unsaturated: ModelAdapter, picture: Callable, registry: Registry
) -> None:
    model, image = unsaturated, picture(0)
    plain = asked(method, model, image, registry, **METHODS[method]).map()
    still = {"noise_samples": 2, "noise": 0.0, **METHODS[method]}
    found = asked(method, model, image, registry, **still).map()
    assert np.abs(found - plain).max() < 1e-5 * np.abs(plain).max()


@pytest.mark.parametrize("kind", ["smoothgrad", "smoothgrad-sq"])
def test_the_standard_error_is_the_spread_of_repeated_runs(
    kind: str, small: Callable, picture: Callable, registry: Registry
) -> None:
    model, image = small(0), picture(1)
    given = {"noise_samples": 20, "noise": NOISE, "noise_kind": kind, "signed": True}
    runs = []
    for seed in range(30):
        request = Request(method="saliency", targets=("1",), params=given, seed=seed)
        runs.append(run(request, registry=registry, model=model, images=[image]).explanation)
    spread = np.std([each.map() for each in runs], 0, ddof=1).mean()
    told = np.mean([each.mapped().error_map() for each in runs])
    assert told == pytest.approx(spread, rel=0.05)


@pytest.mark.parametrize(("method", "copies_of", "passes"), [
    ("saliency", 9, 1), ("guided-backprop", 9, 2), ("integrated-gradients", 3, 9),
])  # fmt: skip
def test_the_budget_counts_copies_but_on_a_path_its_points(
    method: str, copies_of: int, passes: int, rectified: Callable, picture: Callable,
    registry: Registry,
) -> None:  # fmt: skip
    found = asked(
        method, rectified(0), picture(0), registry, noise_samples=3, budget=Budget(samples=9)
    )
    assert found.samples == copies_of * passes


def test_until_stable_doubles_the_copies(
    small: Callable, picture: Callable, registry: Registry
) -> None:
    found = asked(
        "input-x-gradient", small(0), picture(0), registry,
        noise_samples=10, noise=NOISE, budget=Budget(until="stable"),
    )  # fmt: skip
    (scores,) = found.scores.values()
    assert scores["reliability"] >= SETTLED
    assert found.samples in (10, 20, 40, 80, 160)
    spread = asked(
        "saliency", small(0), picture(0), registry,
        noise_samples=4, noise_kind="vargrad", budget=Budget(until="stable"),
    )  # fmt: skip
    assert spread.samples == 4  # a variance has no error to wait for


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_is_a_good_method_with_noise(method: str, check: Callable, registry: Registry) -> None:
    check(MethodCase(method, registry=registry, samples=4, params={"noise_samples": 4}))
