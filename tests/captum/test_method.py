"""The bridged methods as methods: the common checks, layers, progress, what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch

from interp.errors import Cancelled, InputError, PluginError, UnsupportedError
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.spec import Capability, ModelOptions
from interp.testing import MethodCase, ToyModel, method_checks
from interp.testing.conformance import Narrowed
from interp_captum.layer import last_map
from interp_torch.opening import open_model

METHODS = ["gradcam", "layer-ablation", "integrated-gradients", "captum-occlusion"]


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_is_a_good_method(method: str, check: Callable, registry: Registry) -> None:
    check(MethodCase(method, registry=registry, samples=20))


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_is_a_good_method_on_a_module_in_training(
    method: str, check: Callable, registry: Registry, small: Callable
) -> None:
    """Batch norm and dropout: what is left of training would show in the evidence."""
    model = small()
    model.module().train()
    check(MethodCase(method, registry=registry, model=model, samples=20))
    assert all(each.training for each in model.module().modules())


@pytest.mark.parametrize("method", ["gradcam", "layer-ablation"])
def test_in_place_activations_stay_in_place(
    method: str, small: Callable, explain: Callable, picture: Callable
) -> None:
    model = small()
    explain(method, model, picture(0), "0")
    assert model.module().act.inplace


@pytest.mark.parametrize(
    ("name", "layer"),
    [("resnet18", "layer4"), ("vgg11", "features.19"), ("mobilenet_v2", "features")],
)
def test_the_default_layer_is_the_last_map(name: str, layer: str) -> None:
    module = getattr(__import__("torchvision").models, name)(weights=None).eval()
    model = open_model(module, ModelOptions(device="cpu", input={"size": (64, 64)}))
    assert last_map(model).name == layer


@pytest.mark.parametrize(
    ("method", "total"),
    [("gradcam", 1), ("layer-ablation", 8), ("integrated-gradients", 7), ("captum-occlusion", 226)],
)
def test_progress_is_told_to_the_end(method: str, total: int, registry: Registry) -> None:
    told: list[tuple[int, int | None]] = []
    case = MethodCase(method, registry=registry, targets=("0",), samples=7)
    run(
        case.request(),
        registry=registry,
        model=case.model,
        images=[case.picture()],
        progress=lambda label, done, of: told.append((done, of)),
    )
    assert told[-1][0] == total
    assert told[-1][1] in (total, None)


@pytest.mark.parametrize("method", ["gradcam", "layer-ablation"])
def test_a_model_without_a_module_is_refused(method: str, registry: Registry) -> None:
    offers = {Capability.PREDICT, Capability.ACTIVATIONS, Capability.CUT, Capability.GRADIENTS}
    case = MethodCase(method, registry=registry)
    with pytest.raises(UnsupportedError, match="MODULE"):
        case.explain(Narrowed(ToyModel(), frozenset(offers)))


def test_a_layer_without_a_grid_is_refused(
    small: Callable, explain: Callable, picture: Callable
) -> None:
    with pytest.raises(UnsupportedError, match="gives vector"):
        explain("gradcam", small(), picture(0), "0", layer="head")
    with pytest.raises(InputError, match="did you mean 'conv'"):
        explain("gradcam", small(), picture(0), "0", layer="conw")


@pytest.mark.parametrize("method", METHODS)
def test_without_captum_the_remedy_is_named(
    method: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(PluginError, match=r"pip install 'interp\[captum\]'"):
        MethodCase(method, registry=registry).explain()


def test_the_best_class_is_explained_where_none_is_named(registry: Registry) -> None:
    model = ToyModel()
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    request = Request(method="gradcam")
    (found,) = run(request, registry=registry, model=model, images=[image]).explanation.evidence
    best = int(model.predict(model.prepare(image)[0][None])[0].argmax())
    assert found.target == model.spec.classes[best]


def test_gradcam_leaves_no_gradient_on_frozen_or_free_parameters(
    small: Callable, explain: Callable, picture: Callable
) -> None:
    free, frozen = small(), small()
    for each in frozen.module().parameters():
        each.requires_grad = False
    maps = [
        explain("gradcam", each, picture(0), "0").named("map").values for each in (free, frozen)
    ]
    assert torch.equal(*map(torch.from_numpy, maps))
    assert all(each.grad is None for each in free.module().parameters())


@pytest.mark.parametrize("method", METHODS)
def test_stopping_is_possible_between_passes(method: str, registry: Registry) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) == 3  # the run itself asks once, before the method begins

    case = MethodCase(method, registry=registry)
    with pytest.raises(Cancelled):
        run(
            case.request(),
            registry=registry,
            model=case.model,
            images=[case.picture()],
            cancelled=cancelled,
        )
