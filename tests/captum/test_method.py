"""The bridged methods as methods: the common checks, layers, progress, what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch

from interp.context import Budget, Context
from interp.errors import Cancelled, InputError, PluginError, UnsupportedError
from interp.registry import Registry
from interp.run import run
from interp.session import Session
from interp.spec import Capability, ModelOptions
from interp.target import Target
from interp.testing import MethodCase, ToyModel, method_checks
from interp.testing.conformance import Narrowed
from interp_torch.opening import open_model

ANYWHERE = [
    *("saliency", "smoothgrad", "integrated-gradients", "captum-occlusion"),
    *("layer-ablation", "layer-conductance"),
    *("input-x-gradient", "expected-gradients", "feature-ablation"),
]
HOOKED = ["guided-backprop", "guided-gradcam", "deeplift"]
"""Need a module for each activation, of a kind that Captum hooks."""
METHODS = ANYWHERE + HOOKED
LAYERED = ["layer-ablation", "layer-conductance", "guided-gradcam"]


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_is_a_good_method(method: str, check: Callable, registry: Registry) -> None:
    check(MethodCase(method, registry=registry, samples=20))


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_is_a_good_method_on_a_module_in_training(
    method: str, check: Callable, registry: Registry, small: Callable, rectified: Callable
) -> None:
    """Batch norm and dropout: what is left of training would show in the evidence."""
    model = rectified() if method in HOOKED else small()
    module = model.module().train()
    check(MethodCase(method, registry=registry, model=model, samples=20))
    assert all(each.training for each in module.modules())


@pytest.mark.parametrize("method", METHODS)
def test_in_place_activations_stay_in_place(
    method: str, rectified: Callable, explain: Callable, picture: Callable
) -> None:
    model = rectified()
    explain(method, model, picture(0), "0")
    assert model.module().act.inplace


@pytest.mark.parametrize(
    ("name", "layer"),
    [("resnet18", "layer4"), ("vgg11", "features.19"), ("mobilenet_v2", "features")],
)
def test_the_default_layer_is_the_last_map(name: str, layer: str) -> None:
    module = getattr(__import__("torchvision").models, name)(weights=None).eval()
    model = open_model(module, ModelOptions(device="cpu", input={"size": (64, 64)}))
    assert model.map_layer().name == layer


@pytest.mark.parametrize(
    ("method", "total"),
    [
        *(("saliency", 1), ("guided-backprop", 2), ("guided-gradcam", 3), ("deeplift", 5)),
        *(("smoothgrad", 7), ("layer-conductance", 8), ("integrated-gradients", 7)),
        *(("layer-ablation", 8), ("captum-occlusion", 226)),
        *(("input-x-gradient", 1), ("expected-gradients", 7)),
    ],
)
def test_progress_is_told_to_the_end(method: str, total: int, registry: Registry) -> None:
    told: list[tuple[int, int | None]] = []
    case = MethodCase(method, registry=registry, targets=("0",), samples=7)
    run(
        case.request(),
        Session(
            registry=registry,
            model=case.model,
            progress=lambda label, done, of: told.append((done, of)),
        ),
        images=[case.picture()],
    )
    assert told[-1][0] == total
    assert told[-1][1] in (total, None)


@pytest.mark.parametrize("method", [*LAYERED, *HOOKED])
def test_a_model_without_a_module_is_refused(method: str, registry: Registry) -> None:
    offers = {Capability.PREDICT, Capability.ACTIVATIONS, Capability.CUT, Capability.GRADIENTS}
    case = MethodCase(method, registry=registry)
    with pytest.raises(UnsupportedError, match="MODULE"):
        case.explain(Narrowed(ToyModel(), frozenset(offers)))


@pytest.mark.parametrize("method", LAYERED)
def test_a_layer_without_a_grid_is_refused(
    method: str, rectified: Callable, explain: Callable, picture: Callable
) -> None:
    with pytest.raises(UnsupportedError, match=r"is no map \(its layout: vector\)"):
        explain(method, rectified(), picture(0), "0", layer="head")
    with pytest.raises(InputError, match="did you mean 'conv'"):
        explain(method, rectified(), picture(0), "0", layer="conw")


@pytest.mark.parametrize("method", METHODS)
def test_without_captum_the_remedy_is_named(
    method: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(PluginError, match=r"pip install 'interp\[captum\]'"):
        MethodCase(method, registry=registry).explain()


@pytest.mark.parametrize("method", METHODS)
def test_no_gradient_is_left_on_frozen_or_free_parameters(
    method: str, rectified: Callable, explain: Callable, picture: Callable
) -> None:
    free, frozen = rectified(), rectified()
    for each in frozen.module().parameters():
        each.requires_grad = False
    maps = [explain(method, each, picture(0), "0").map() for each in (free, frozen)]
    assert np.array_equal(*maps)
    assert all(each.grad is None for each in free.module().parameters())


class Failing(ToyModel):
    """Fails once its modules have run for the last time that is allowed."""

    def __init__(self, fail_at: int) -> None:
        super().__init__()
        self.left = fail_at

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.left -= 1
        scores = super().forward(images)
        if self.left < 0:
            raise RuntimeError("failed on purpose, after the pass")
        return scores


@pytest.mark.parametrize("fail_at", [0, 1])
@pytest.mark.parametrize("method", HOOKED)
def test_nothing_hangs_on_the_modules_afterwards(
    method: str, fail_at: int, registry: Registry
) -> None:
    """Captum keeps inputs and outputs on the modules until a backward pass has claimed them."""
    model = Failing(fail_at)

    def hung() -> list[object]:
        return [
            (sorted(vars(each)), len(each._forward_hooks), len(each._forward_pre_hooks))
            for each in model.module().modules()
        ]

    before = hung()
    case = MethodCase(method, registry=registry, model=model, targets=("0",))
    with pytest.raises(PluginError, match="on purpose"):
        case.explain()
    assert hung() == before


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
            Session(registry=registry, model=case.model, cancelled=cancelled),
            images=[case.picture()],
        )


def test_several_images_are_told_apart_in_evidence_scores_and_notes(registry: Registry) -> None:
    case = MethodCase("smoothgrad", registry=registry)
    method = registry.get("method", "smoothgrad")
    explanation = method(method.Params()).explain(
        case.model,
        [case.picture(), case.picture()[::-1]],
        [Target(0, "ant"), Target(1, "bee")],
        None,
        Context(budget=Budget(samples=2, until="stable")),
    )
    found = [(each.image, each.target) for each in explanation.evidence]
    assert found == [(0, "ant"), (0, "bee"), (1, "ant"), (1, "bee")]
    keys = ["ant, image 0", "bee, image 0", "ant, image 1", "bee, image 1"]
    assert list(explanation.scores) == keys
    assert [note.partition(": not")[0] for note in explanation.notes] == keys
