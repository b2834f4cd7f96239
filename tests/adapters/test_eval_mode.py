"""A module in training mode is handed out in evaluation mode, and is in training mode after."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import interp
from interp.context import Budget
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_torch.opening import open_model

INPUT = {"size": (32, 32), "mean": (0, 0, 0), "std": (1, 1, 1)}
OPTIONS = ModelOptions(input=INPUT, device="cpu")
IMAGE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
CODE = """
    import numpy as np, torch
    from interp.evidence import Heatmap
    from interp.explanation import Explanation
    from interp.method import Method
    from interp.spec import Capability

    class Caller(Method):
        needs = frozenset({Capability.PREDICT, Capability.MODULE})

        def explain(self, model, images, targets, knowledge, context):
            pixels = model.prepare(images[0])[0][None]
            heard = []
            handle = model.module()[0].register_forward_hook(lambda *_: heard.append(1))
            with torch.no_grad():
                called = model.module()(pixels)
            predicted = model.predict(pixels)
            handle.remove()
            apart = float((called - predicted).abs().max())
            values = np.full((32, 32), apart)
            scores = {"heard": len(heard)}
            return Explanation((Heatmap(name="m", image=0, values=values),), scores=scores)
"""
REGISTRY = (
    "entries: [{kind: method, name: caller, summary: s, answers: where, object: 'NAME:Caller'}]"
)


def make() -> nn.Sequential:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5))
    network = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
    network[1].running_mean.normal_()
    return network.train()


def test_a_method_that_calls_the_module_finds_the_scores_of_predict(package) -> None:
    package(CODE, REGISTRY, installed=True)
    network = make()
    before = {name: each.clone() for name, each in network.state_dict().items()}
    found = interp.explain(network, IMAGE, method="caller", target=0, options=OPTIONS)
    assert found.map().max() < 1e-6 and found.scores["heard"] == 2  # hooks hear predict too
    assert all(each.training for each in network.modules())
    for name, each in network.state_dict().items():
        assert torch.equal(each, before[name])


def test_outside_of_a_run_it_is_a_twin_that_shares_the_weights() -> None:
    network = make()
    model = open_model(network, OPTIONS)
    handed, images = model.module(), torch.rand(2, 3, 32, 32)
    assert model.module() is handed and not any(each.training for each in handed.modules())
    with torch.no_grad():
        torch.testing.assert_close(handed(images), model.predict(images))
        network[6].weight.mul_(2)
        torch.testing.assert_close(handed(images), model.predict(images))
    own = model.with_own_module().module()
    assert own is not network and not any(each.training for each in own.modules())
    with model.evaluating():
        assert model.module() is network and not network[1].training
    assert all(each.training for each in network.modules())


def test_in_evaluation_mode_it_is_the_module_itself() -> None:
    network = make().eval()
    assert open_model(network, OPTIONS).module() is network


@pytest.mark.parametrize("method", ["caller"])
def test_weights_that_a_program_trains_are_not_put_back(package, method: str) -> None:
    package(
        CODE.replace("heard = []", "heard = []; model.module()[6].bias.data += 1"),
        REGISTRY,
        installed=True,
    )
    network = make()
    bias = network[6].bias.detach().clone()
    both = interp.compare(
        network,
        IMAGE,
        methods=[method, "saliency"],
        target=0,
        options=OPTIONS,
        registry=Registry.load(),
        budget=Budget(samples=10),
    )
    assert all(each.error is None for each in both.cases[0].cells)
    torch.testing.assert_close(network[6].bias, bias + 1)
