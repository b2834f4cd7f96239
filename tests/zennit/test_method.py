"""The bridged methods as methods: a planted answer, the common checks, what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from support import networks
from support.threads import together
from torch import Tensor, nn

from interp.errors import InputError, PluginError, UnsupportedError
from interp.registry import Registry
from interp.spec import Capability, ModelOptions
from interp.testing import MethodCase, ToyModel, method_checks
from interp.testing.conformance import Narrowed
from interp_torch.adapter import TorchAdapter

METHODS = ["lrp", "crp"]


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_is_a_good_method(method: str, check: Callable, registry: Registry) -> None:
    check(MethodCase(method, registry=registry))


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_is_a_good_method_on_a_module_in_training(
    method: str, check: Callable, registry: Registry, normed: Callable, picture: Callable
) -> None:
    model = normed(0)
    module = model.module().train()
    check(MethodCase(method, registry, model, picture(0)))
    assert all(each.training for each in module.modules())
    assert module.act.inplace


def patches() -> np.ndarray:
    """Grey, with a red, a green and a blue patch."""
    image = np.full((48, 48, 3), 120, np.uint8)
    image[4:16, 4:16] = (230, 20, 20)
    image[28:40, 4:16] = (20, 230, 20)
    image[28:40, 28:40] = (20, 20, 230)
    return image


@pytest.mark.parametrize("composite", ["epsilon", "epsilon-plus", "alpha2-beta1"])
def test_red_speaks_for_red(colours: TorchAdapter, explain: Callable, composite: str) -> None:
    found = explain("lrp", colours, patches(), "0", composite=composite).map()
    peak = np.unravel_index(found.argmax(), found.shape)
    assert 4 <= peak[0] < 16 and 4 <= peak[1] < 16
    assert found[30:38, 6:14].mean() < 0 < found[6:14, 6:14].mean()
    assert np.abs(found[30:38, 30:38]).max() < 0.01 * found.max()


def test_each_channel_shows_its_own_colour(colours: TorchAdapter, explain: Callable) -> None:
    found = explain("crp", colours, patches(), "0", layer="act", channels=(0, 1))
    (maps,), (channels,) = found.of("part_maps"), found.of("channel_importance")
    red, green = maps.maps
    assert np.unravel_index(red.argmax(), red.shape) < (16, 16)
    assert red[30:38, 6:14].max() < 1e-6 and np.abs(green[6:14, 6:14]).max() < 1e-6
    assert channels.values[0] > 0 > channels.values[1] and channels.values[2] == 0
    assert maps.filters == [0, 1] and maps.layer == "act"


def test_the_most_relevant_channels_come_first(colours: TorchAdapter, explain: Callable) -> None:
    found = explain("crp", colours, patches(), "1", layer="act", count=2)
    assert found.of("part_maps")[0].filters[0] == 2


def test_a_channel_out_of_range_is_told(colours: TorchAdapter, explain: Callable) -> None:
    with pytest.raises(InputError, match="channel 3 is out of range; act has 3"):
        explain("crp", colours, patches(), "0", layer="act", channels=(3,))


def test_threads_do_not_disturb_each_other(
    normed: Callable, explain: Callable, picture: Callable
) -> None:
    model = normed(0)
    pixels = model.prepare(picture(5))[0][None]
    scores, jobs = model.predict(pixels), [("lrp", 0), ("crp", 1), ("lrp", 2), ("crp", 3)]
    expected = [explain(method, model, picture(seed)).map() for method, seed in jobs]

    def explaining(method: str, seed: int) -> Callable[[], np.ndarray]:
        return lambda: explain(method, model, picture(seed)).map()

    def same() -> bool:
        return all(torch.equal(model.predict(pixels), scores) for _ in range(50))

    *found, alike = together([*(explaining(*job) for job in jobs), same])
    assert alike
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-9)


class Twice(nn.Module):
    """A linear layer that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.flat, self.first = nn.Flatten(), nn.Linear(432, 4)
        self.again, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.again(self.again(self.first(self.flat(image)))))


class NormedBefore(nn.Module):
    """A norm that is defined after a convolution, and runs before it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.norm.running_mean.fill_(0.5)
        self.norm.weight.data.fill_(2.0)
        self.flat, self.head = nn.Flatten(), nn.Linear(432, 2)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.flat(self.conv(self.norm(image))))


class Layered(nn.Module):
    """A layer norm among convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, 2), nn.LayerNorm(5)
        self.flat, self.head = nn.Flatten(), nn.Linear(100, 2)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.flat(self.norm(self.conv(image))))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (Twice, "runs again 2 times"),
        (NormedBefore, "changes the scores of NormedBefore"),
        (Layered, r"no rule for norm of Layered \(LayerNorm\)"),
    ],
)
def test_what_zennit_cannot_serve_is_refused(
    method: str, kind: type[nn.Module], wanted: str,
    open_module: Callable, explain: Callable, picture: Callable,
) -> None:  # fmt: skip
    model = open_module(networks.seeded(kind))
    before = {name: each.clone() for name, each in model.module().state_dict().items()}
    params = {"layer": "conv"} if method == "crp" and kind is not Twice else {}
    if method == "crp" and kind is Twice:
        pytest.skip("it has no layer with a grid")
    with pytest.raises(UnsupportedError, match=wanted) as told:
        explain(method, model, picture(0), **params)
    assert len(str(told.value)) < 400
    assert all(torch.equal(each, before[n]) for n, each in model.module().state_dict().items())


def test_a_transformer_is_refused(registry: Registry, explain: Callable, picture: Callable) -> None:
    from interp.opening.source import open_model

    model = open_model("creatures-vit", ModelOptions(device="cpu"), registry)
    with pytest.raises(UnsupportedError, match="use transformer-attribution"):
        explain("lrp", model, picture(0, 112))


@pytest.mark.parametrize("method", METHODS)
def test_a_model_without_a_module_is_refused(method: str, registry: Registry) -> None:
    offers = {Capability.PREDICT, Capability.ACTIVATIONS, Capability.CUT, Capability.GRADIENTS}
    with pytest.raises(UnsupportedError, match="MODULE"):
        MethodCase(method, registry=registry).explain(Narrowed(ToyModel(), frozenset(offers)))


@pytest.mark.parametrize("method", METHODS)
def test_without_zennit_the_remedy_is_named(
    method: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("types", "composites", "canonizers", "torchvision", "rules"):
        monkeypatch.setitem(sys.modules, f"zennit.{part}", None)
    with pytest.raises(PluginError, match=r"pip install 'interp\[zennit\]'"):
        MethodCase(method, registry=registry).explain()
