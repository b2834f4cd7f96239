"""Every method on every adapter's models, as docs/reference.md says; the example packages' too."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from reference import missing
from support.families import Transformer
from support.networks import seeded
from torch import nn

from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.registry.manifest import AdapterEntry, MethodEntry
from interp.request import Request
from interp.run import fit
from interp.spec import ModelOptions
from interp.testing import MethodCase, method_checks
from interp_callable.opening import open_model as open_function
from interp_onnx.opening import open_model
from interp_torch.opening import open_model as open_module

TESTS = Path(__file__).parents[1]
EXAMPLES = ("example_plugin/src/interp_example", "example_short/interp_short")
REGISTRY = Registry.load([TESTS / each / "registry.yaml" for each in EXAMPLES])
METHODS = [each for each in REGISTRY.entries("method") if isinstance(each, MethodEntry)]
ADAPTERS = [each for each in REGISTRY.entries("adapter") if isinstance(each, AdapterEntry)]
PAIRS = [
    pytest.param(method, adapter, id=f"{method.name}-{adapter.name}")
    for method, adapter in itertools.product(METHODS, ADAPTERS)
]
FIRST = ("check_needs", "check_evidence")
CHECKS = [
    pytest.param(check, marks=() if check.__name__ in FIRST else pytest.mark.slow)
    for check in method_checks()
]


HOOKED = ("guided-backprop", "guided-gradcam", "deeplift")
"""Methods that take only networks whose activations are modules of a few kinds."""
TIED = ("layer-conductance",)
"""Methods whose path from a black image meets equal values below a maximum.

Its slope goes to one of them by rounding, which depends on the batch size.
"""
ATTENDING = [each.name for each in METHODS if each.network == "transformer"]
"""Methods that take only transformers."""

LEARNING: dict[str, dict[str, Any]] = {
    "explainer": {"epochs": 1},
    "craft": {"by": "label", "concepts": 3, "crop": 0.5},
    "tcav": {},
}
"""Methods that explain nothing before they have learned, and how little will do; of VGG's kind."""

MAKING: dict[str, dict[str, Any]] = {
    "decoupling": {"epochs": 1, "batch_size": 4, "pad": 0},
    "csg": {"epochs": 2, "batch_size": 4, "pad": 0, "period": 1, "phase": 0},
}
"""Methods that explain only networks that they have trained."""

Models = dict[str, ModelAdapter]


def black_box(model: ModelAdapter) -> ModelAdapter:
    """The same model as a function of pixels, with nothing but its scores."""
    options = ModelOptions(pixels="float-chw", input={"size": model.spec.input.size})
    return open_function(lambda pixels: model.predict(torch.tensor(pixels)).numpy(), options)


@pytest.fixture(scope="module")
def models(pair: Any) -> Models:
    """A small model of each adapter."""
    both = pair("Depthwise")
    return {"torch": both.module, "onnx": both.file, "callable": black_box(both.module)}


@pytest.fixture(scope="module")
def rectified(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The same of a network with rectifiers only, as the adapter exports it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        convolutions = (nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.Conv2d(6, 9, 3, 2), nn.ReLU())
        net = nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(9, 4))
    module = open_module(net.eval(), ModelOptions(device="cpu", input={"size": (24, 24)}))
    path = tmp_path_factory.mktemp("rectified") / "model.onnx"
    module.export(path)
    file = open_model(str(path), ModelOptions(device="cpu"))
    return {"torch": module, "onnx": file, "callable": black_box(module)}


@pytest.fixture(scope="module")
def attending(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The same of a small transformer read by its class token."""
    module = open_module(
        seeded(lambda: Transformer(1)), ModelOptions(device="cpu", input={"size": (32, 32)})
    )
    path = tmp_path_factory.mktemp("attending") / "model.onnx"
    module.export(path)
    file = open_model(str(path), ModelOptions(device="cpu"))
    return {"torch": module, "onnx": file, "callable": black_box(module)}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of noise, two images of each class."""
    folder = tmp_path_factory.mktemp("images")
    noise = np.random.default_rng(0).integers(0, 256, (8, 24, 24, 3), np.uint8)
    for number, each in enumerate(noise):
        place = folder / str(number % 4)
        place.mkdir(exist_ok=True)
        Image.fromarray(each).save(place / f"{number}.png")
    return str(folder)


@pytest.fixture(scope="module")
def learned(
    rectified: Models, images: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., str]:
    """learned(method, adapter): the folder of what the method learned of that adapter's model."""
    kept: dict[tuple[str, str], str] = {}

    def found(method: str, adapter: str) -> str:
        if (method, adapter) not in kept:
            out = tmp_path_factory.mktemp(method) / adapter
            request = Request(method=method, data=images, params=LEARNING[method])
            fit(request, registry=REGISTRY, model=rectified[adapter], out=out)
            kept[method, adapter] = str(out)
        return kept[method, adapter]

    return found


@pytest.fixture(scope="module")
def made(
    rectified: Models, images: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Models, str]]:
    """made(method): the network it trained, of each adapter, and what it knows of that."""
    kept: dict[str, tuple[Models, str]] = {}

    def found(method: str) -> tuple[Models, str]:
        if method not in kept:
            request = Request(method=method, data=images, params=MAKING[method])
            knowledge = fit(request, registry=REGISTRY, model=rectified["torch"])
            assert knowledge.made is not None
            folder = tmp_path_factory.mktemp(method)
            replace(knowledge, made=None).save(folder / "known")
            knowledge.made.export(folder / "model.onnx")
            file = open_model(str(folder / "model.onnx"), ModelOptions(device="cpu"))
            network = knowledge.made
            opened = {"torch": network, "onnx": file, "callable": black_box(network)}
            kept[method] = opened, str(folder / "known")
        return kept[method]

    return found


def test_every_adapter_has_a_model_here(models: Models) -> None:
    assert set(models) == {each.name for each in ADAPTERS}


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda each: each.name)
def test_an_adapter_offers_what_the_registry_says(models: Models, adapter: AdapterEntry) -> None:
    assert models[adapter.name].capabilities == frozenset(adapter.offers)


@pytest.mark.parametrize("check", CHECKS, ids=lambda each: each.__name__)
@pytest.mark.parametrize(("method", "adapter"), PAIRS)
def test_a_method_runs_or_says_what_it_needs(
    models: Models,
    rectified: Models,
    attending: Models,
    learned: Callable[..., str],
    made: Callable[[str], tuple[Models, str]],
    method: MethodEntry,
    adapter: AdapterEntry,
    check: Callable[[MethodCase], None],
) -> None:
    named, knowledge = method.name, None
    if named in MAKING:
        models, knowledge = made(named)
    elif named in LEARNING:
        known = "torch" if missing(method, adapter) else adapter.name
        models, knowledge = rectified, learned(named, known)
    elif named in (*HOOKED, *TIED):
        models = rectified
    elif named in ATTENDING:
        models = attending
    model = models[adapter.name]
    case = MethodCase(method.name, registry=REGISTRY, model=model, knowledge=knowledge)
    if lacking := missing(method, adapter):
        with pytest.raises(UnsupportedError, match=f"needs ({'|'.join(lacking).upper()});"):
            case.explain()
    else:
        check(case)


@pytest.mark.parametrize("output", ["logit", "prob"])
@pytest.mark.parametrize(
    ("network", "how"), [("Residual", "new"), ("Residual", "fixed"), ("Dense", "old")]
)
def test_gradcam_is_the_same_map_from_a_file(
    pair: Any, network: str, how: str, output: str
) -> None:
    """Differences stand in for gradients; at every layer that both know."""
    both = pair(network, how)
    grids = {each.name for each in both.file.maps()}
    layers = [each.name for each in both.module.maps() if each.name in grids]
    assert len(layers) > 2
    for layer in layers:
        case = MethodCase("gradcam", registry=REGISTRY, params={"layer": layer, "output": output})
        first, second = (
            case.explain(model).named("map", model.spec.classes[1]).values
            for model in (both.module, both.file)
        )
        assert np.abs(first - second).max() < 1e-4 * np.abs(first).max(), layer
