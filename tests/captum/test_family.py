"""Input x gradient, expected gradients and feature ablation against slow second writings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import captum.attr
import numpy as np
import pytest
import torch
from skimage.segmentation import slic

from interp.context import Budget
from interp.errors import RegistryError
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.network.preprocess import encode
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.target import parse_target

TARGETS = ["0", "2", "1, not 0"]
LEVELS = {"black": 0.0, "grey": 0.5}


def scored(model: ModelAdapter, images: torch.Tensor, target: str) -> torch.Tensor:
    return parse_target(target, model.spec.classes).select(model.predict(images))


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-4) -> bool:
    return float(np.abs(found - expected).max()) <= tolerance * float(np.abs(expected).max())


@pytest.mark.parametrize("baseline", ["mean", "black", "grey"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("seed", range(2))
def test_input_x_gradient_is_the_product(
    small: Callable, explain: Callable, picture: Callable, seed: int, target: str, baseline: str
) -> None:
    model, image = small(seed), picture(seed)
    found = explain("input-x-gradient", model, image, target, baseline=baseline).map()
    pixels = model.prepare(image)[0][None]
    plain = torch.tensor(model.spec.input.mean).view(1, 3, 1, 1)
    plain = torch.full((1, 3, 1, 1), LEVELS[baseline]) if baseline in LEVELS else plain
    slopes = model.gradient(pixels, [parse_target(target, model.spec.classes)])
    assert close(found, ((pixels - plain) * slopes)[0].sum(0).numpy())


def test_by_default_it_is_captums_on_normalised_input(
    small: Callable, explain: Callable, picture: Callable
) -> None:
    model, image = small(0), picture(0)
    found = explain("input-x-gradient", model, image, "2").map()
    inputs = encode(model.prepare(image)[0][None], model.spec.input).requires_grad_()
    theirs = captum.attr.InputXGradient(model.module().eval()).attribute(inputs, target=2)
    assert close(found, theirs[0].sum(0).detach().numpy())


def expected(
    model: ModelAdapter, image: np.ndarray, registry: Registry, target: str = "1", **given: Any
) -> Explanation:
    draws, seed = given.pop("draws", 6), given.pop("seed", 3)
    request = Request(
        method="expected-gradients",
        targets=(target,),
        params=given,
        seed=seed,
        budget=Budget(samples=draws, batch_size=given.pop("batch", 4)),
    )
    return run(request, registry=registry, model=model, images=[image]).explanation


@pytest.mark.parametrize("references", ["colours", "noise"])
@pytest.mark.parametrize("target", TARGETS)
def test_expected_gradients_are_a_loop_over_draws(
    small: Callable, picture: Callable, registry: Registry, target: str, references: str
) -> None:
    model, image = small(0), picture(0)
    found = expected(model, image, registry, target, references=references)
    pixels, shares = model.prepare(image)[0], []
    for number in range(6):
        key = np.random.SeedSequence([3, number])
        random = np.random.Generator(np.random.Philox(key)).spawn(1)[0]
        at = random.random(dtype=np.float32)
        size = (3, 1, 1) if references == "colours" else (3, 32, 32)
        plain = torch.from_numpy(random.random(size, np.float32))
        point = (plain + float(at) * (pixels - plain))[None]
        slope = model.gradient(point, [parse_target(target, model.spec.classes)])[0]
        shares.append(((pixels - plain) * slope).sum(0).double().numpy())
    assert close(found.map(), np.mean(shares, 0))
    error = np.std(shares, 0) / np.sqrt(5)
    assert close(found.mapped().error_map(), error, 1e-3)
    assert found.samples == 6


def test_captums_gradient_shap_gives_the_same_of_the_same_draws(
    small: Callable, picture: Callable, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, image = small(1), picture(1)
    pixels, places, plains = model.prepare(image)[0][None], [], []
    for number in range(6):
        key = np.random.SeedSequence([3, number])
        random = np.random.Generator(np.random.Philox(key)).spawn(1)[0]
        places.append(float(random.random(dtype=np.float32)))
        plains.append(random.random((3, 1, 1), np.float32))
    references = torch.from_numpy(np.stack(plains)).expand(6, 3, 32, 32)
    monkeypatch.setattr(np.random, "choice", lambda count, size: np.arange(size))
    monkeypatch.setattr(np.random, "uniform", lambda low, high, size: np.array(places))
    theirs = captum.attr.GradientShap(lambda x: model.forward(x)[:, 1])
    found = theirs.attribute(pixels, baselines=references, n_samples=6, stdevs=0.0)
    ours = expected(model, image, registry).map()
    assert close(ours, found[0].sum(0).detach().numpy())


def test_expected_gradients_add_up_to_the_change(
    small: Callable, picture: Callable, registry: Registry
) -> None:
    model, image = small(0), picture(0)
    found = expected(model, image, registry, draws=4000, batch=64).map().sum()
    colours = np.random.default_rng(0).random((2000, 3, 1, 1), np.float32)
    plain = torch.from_numpy(colours).expand(-1, 3, 32, 32)
    pixels = model.prepare(image)[0][None]
    change = float(scored(model, pixels, "1")) - float(scored(model, plain, "1").mean())
    spread = float(scored(model, plain, "1").std())
    assert abs(found - change) < 0.15 * spread


def test_the_references_may_be_a_data_set(
    small: Callable, picture: Callable, registry: Registry
) -> None:
    model, image = small(0), picture(0)
    found = expected(model, image, registry, dataset="creatures-easy", draws=3).map()
    other = expected(model, image, registry, draws=3).map()
    assert not close(found, other, 0.1)
    data = registry.get("dataset", "creatures-easy")(64, 3)
    known = [model.prepare(data[at].image)[0] for at in range(64)]
    pixels, shares = model.prepare(image)[0], []
    for number in range(3):
        key = np.random.SeedSequence([3, number])
        random = np.random.Generator(np.random.Philox(key)).spawn(1)[0]
        at, plain = float(random.random(dtype=np.float32)), known[int(random.integers(64))]
        point = (plain + at * (pixels - plain))[None]
        slope = model.gradient(point, [parse_target("1", model.spec.classes)])[0]
        shares.append(((pixels - plain) * slope).sum(0).numpy())
    assert close(found, np.mean(shares, 0))
    with pytest.raises(RegistryError, match="creaturs"):
        expected(model, image, registry, dataset="creaturs")


@pytest.mark.parametrize("fill", ["mean", "black", "grey"])
@pytest.mark.parametrize("target", TARGETS)
def test_feature_ablation_is_a_loop_over_super_pixels(
    small: Callable, explain: Callable, picture: Callable, target: str, fill: str
) -> None:
    model, image = small(1), picture(1).repeat(4, 0).repeat(4, 1)[:32, :32]
    found = explain("feature-ablation", model, image, target, fill=fill, segments=12)
    pixels = model.prepare(image)[0]
    labels = slic(pixels.permute(1, 2, 0).double().numpy(), 12, 10.0, sigma=1.0, start_label=0)
    plain = torch.tensor(model.spec.input.mean).view(3, 1, 1)
    plain = torch.full((3, 1, 1), LEVELS[fill]) if fill in LEVELS else plain
    losses = np.zeros(labels.shape)
    for each in np.unique(labels):
        hidden = torch.where(torch.from_numpy(labels == each), plain, pixels)
        pair = scored(model, torch.stack([pixels, hidden]), target)
        losses[labels == each] = float(pair[0] - pair[1])
    assert close(found.map(), losses)
    assert found.samples == len(np.unique(labels)) + 1
