"""The methods as methods: the common checks, threads, and what is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import timm
import torch
import transformers
from support import networks
from support.threads import together
from torch import nn

from interp.errors import InputError, InterpError, UnsupportedError
from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import Capability, ModelOptions
from interp.testing import MethodCase, ToyModel, method_checks
from interp.testing.conformance import Narrowed

METHODS = ["attention-rollout", "gradient-rollout", "transformer-attribution", "legrad"]
SLOPES = METHODS[1:]


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_is_a_good_method(
    method: str, check: Callable, registry: Registry, tiny: Callable, picture: Callable
) -> None:
    check(MethodCase(method, registry, tiny(0), picture(0), {"views": "layers"}))


@pytest.mark.parametrize("method", METHODS)
def test_a_module_in_training_is_explained_as_it_answers(
    method: str, tiny: Callable, explain: Callable, picture: Callable
) -> None:
    model = tiny(0)
    expected = explain(method, model, picture(0)).map()
    module = model.module().train()
    np.testing.assert_allclose(explain(method, model, picture(0)).map(), expected, rtol=1e-5)
    assert all(each.training for each in module.modules())


@pytest.mark.parametrize("method", SLOPES)
def test_weights_that_need_no_gradient_are_no_hindrance(
    method: str, tiny: Callable, explain: Callable, picture: Callable
) -> None:
    model = tiny(0)
    expected = explain(method, model, picture(0)).map()
    model.module().requires_grad_(False)
    with torch.no_grad():
        np.testing.assert_allclose(explain(method, model, picture(0)).map(), expected, rtol=1e-5)


def test_threads_with_different_methods_do_not_disturb_each_other(
    tiny: Callable, explain: Callable, picture: Callable
) -> None:
    model = tiny(0)
    pixels = torch.stack([model.prepare(picture(seed))[0] for seed in range(4)])
    scores = model.predict(pixels)
    jobs = [(method, seed) for method in METHODS for seed in range(2)]
    expected = [explain(method, model, picture(seed)).map() for method, seed in jobs]

    def explaining(method: str, seed: int) -> Callable[[], Any]:
        return lambda: [explain(method, model, picture(seed)).map() for _ in range(3)]

    def predicting() -> bool:
        found = [model.predict(pixels) for _ in range(30)]
        return all(torch.equal(each, scores) for each in found)

    *found, same = together([*(explaining(*job) for job in jobs), predicting])
    assert same
    for several, once in zip(found, expected, strict=True):
        for each in several:
            np.testing.assert_allclose(each, once, rtol=1e-5, atol=1e-8)


def test_another_thread_attends_as_ever(tiny: Callable, picture: Callable) -> None:
    """While one thread reads, fused attention stays fused in the others, and is not recorded."""
    from interp_torch.attention import reading_attention

    model = tiny(0)
    pixels = model.prepare(picture(0))[0][None]
    with reading_attention(model.module(), 1) as layers:
        (depth,) = together([torch._C._len_torch_function_stack])
        together([lambda: model.predict(pixels)])
        assert depth == 0 and layers == []
        model.predict(pixels)
        assert len(layers) == 2


class Twice(nn.Module):
    """One block that runs twice, whose weights are shared."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 8, 8)
        self.position = nn.Parameter(torch.randn(1, 9, 8))
        self.norm = nn.LayerNorm(8)
        self.attention, self.head = timm.layers.Attention(8, 2), nn.Linear(8, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        tokens = self.norm(self.stem(image).flatten(2).mT + self.position)
        return self.head((tokens + self.attention(tokens + self.attention(tokens))).mean(1))


def refused() -> dict[str, Callable[[], tuple[nn.Module, int]]]:
    """Models of other kinds, and their input size."""
    swin = {
        "img_size": 64, "window_size": 4, "embed_dim": 16, "depths": (2, 2), "num_heads": (2, 4)
    }  # fmt: skip
    vit = {
        "img_size": 32,
        "patch_size": 8,
        "embed_dim": 16,
        "depth": 2,
        "num_heads": 2,
        "num_classes": 3,
    }
    config = transformers.SwinConfig(
        image_size=64, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4
    )
    return {
        "Swin of timm": lambda: (timm.create_model("swin_tiny_patch4_window7_224", **swin), 64),
        "Swin of transformers": lambda: (transformers.SwinForImageClassification(config), 64),
        "pooled by attention": lambda: (
            timm.models.VisionTransformer(**vit, global_pool="map", class_token=False), 32
        ),
        "over channels": lambda: (
            timm.create_model("xcit_nano_12_p16_224", img_size=64, depth=2, num_classes=3), 64
        ),
        "none": lambda: (networks.pooled_net(), 32),
    }  # fmt: skip


@pytest.mark.parametrize("kind", refused())
@pytest.mark.parametrize("method", ["attention-rollout", "legrad"])
def test_other_models_are_refused_in_one_line(
    method: str, kind: str, open_module: Callable, explain: Callable, picture: Callable
) -> None:
    with torch.random.fork_rng():
        module, size = refused()[kind]()
    wanted = "shows no attention" if kind == "none" else "attends in windows, pools by attention"
    with pytest.raises(UnsupportedError, match=wanted) as told:
        explain(method, open_module(module, size), picture(0, size))
    assert len(str(told.value)) < 400 and "\n" not in str(told.value)


@pytest.mark.parametrize("method", METHODS)
def test_a_detector_is_refused(
    method: str, registry: Registry, explain: Callable, picture: Callable
) -> None:
    model = open_model("creatures-detector", ModelOptions(device="cpu"), registry)
    with pytest.raises(UnsupportedError, match="is a black box") as told:
        explain(method, model, picture(0, 112))
    assert len(str(told.value)) < 400


def test_shared_blocks_have_a_rollout_but_no_legrad(
    open_module: Callable, explain: Callable, picture: Callable
) -> None:
    model = open_module(networks.seeded(Twice))
    assert explain("attention-rollout", model, picture(0)).map().max() > 0
    with pytest.raises(UnsupportedError, match="attends 2 times"):
        explain("legrad", model, picture(0))


def test_blocks_side_by_side_have_no_legrad(
    open_module: Callable, explain: Callable, picture: Callable
) -> None:
    from timm.models.vision_transformer import ParallelThingsBlock

    module = networks.seeded(
        lambda: timm.models.VisionTransformer(
            img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=2, num_classes=3,
            block_fn=ParallelThingsBlock,
        )
    )  # fmt: skip
    model = open_module(module, 32)
    assert explain("transformer-attribution", model, picture(0, 32)).map().max() > 0
    with pytest.raises(UnsupportedError, match="do not lie in a row of blocks"):
        explain("legrad", model, picture(0, 32))


@pytest.mark.parametrize("method", SLOPES)
def test_slopes_need_gradients_and_the_module(method: str, registry: Registry) -> None:
    offers = {Capability.PREDICT, Capability.ACTIVATIONS, Capability.CUT}
    with pytest.raises(UnsupportedError, match="GRADIENTS"):
        MethodCase(method, registry=registry).explain(Narrowed(ToyModel(), frozenset(offers)))


def test_a_model_that_shows_nothing_says_so(registry: Registry) -> None:
    with pytest.raises(UnsupportedError, match="does not show its attention"):
        MethodCase("attention-rollout", registry=registry).explain()


def test_a_layer_that_is_not_there_is_offered_its_neighbours(
    tiny: Callable, explain: Callable, picture: Callable
) -> None:
    params = {"views": "heads", "view_layer": "blocks.1.atention"}
    with pytest.raises(InputError, match=r"did you mean 'blocks\.1\.attention'"):
        explain("attention-rollout", tiny(0), picture(0), **params)


@pytest.mark.parametrize(
    "params", [{"residual": 1.0}, {"residual": -0.1}, {"discard": 1.0}, {"fusion": "sum"}]
)
def test_parameters_have_bounds(
    tiny: Callable, explain: Callable, picture: Callable, params: dict[str, Any]
) -> None:
    with pytest.raises(InterpError):
        explain("attention-rollout", tiny(0), picture(0), **params)
