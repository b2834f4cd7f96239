"""Computing only filters that are on equals computing all; multiply-adds are counted."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from interp.training.recording import recording
from interp_decoupling.build import Layout, insert
from interp_decoupling.control import Control, Controlled, computing, controlled
from interp_decoupling.only import only_on, pays, size
from interp_decoupling.structure import find_places
from interp_decoupling.work import Work, count_work


def layer(**said: Any) -> Controlled:
    """A controlled 3 x 3 convolution of 9 filters on 6 channels, batch norm with statistics."""
    options = {"stride": 1, "padding": 1, "bias": False, **said}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        norm = nn.BatchNorm2d(9)
        for each in (norm.weight, norm.bias, norm.running_mean):
            nn.init.normal_(each)  # type: ignore[arg-type]
        nn.init.uniform_(norm.running_var, 0.5, 2)  # type: ignore[arg-type]
        convolution = nn.Conv2d(6, 9, 3, **options)
        return Controlled(convolution, norm, Control(6, 9, 2, "samples"), True, True).eval()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"stride": 2, "bias": True},
        {"padding": (0, 2), "dilation": (2, 1)},
        {"padding": "same", "dilation": 2},
        {"padding_mode": "reflect"},
    ],
)
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equal_to_all_filters_gated(said: dict[str, Any], count: int, layout: Any) -> None:
    made = layer(**said)
    generator = torch.Generator().manual_seed(1)
    maps = torch.randn(count, 6, 11, 8, generator=generator)
    maps[:, [1, 4]] = 0
    maps = maps.contiguous(memory_format=layout)
    codes = (torch.rand(count, 9, generator=generator) < 0.5).float()
    codes[-1] = codes[0]  # two images of one path
    with torch.no_grad():
        expected = made.norm(made.convolution(maps)) * codes[:, :, None, None]
        found = only_on(made.convolution, made.norm, maps, codes, True)
    assert size(made.convolution, maps) == tuple(expected.shape[2:])
    assert found.is_contiguous(memory_format=layout)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_nothing_on_and_nothing_coming_in() -> None:
    made = layer(bias=True)
    dark = torch.zeros(2, 6, 5, 5)
    codes = torch.ones(2, 9)
    with torch.no_grad():
        assert not only_on(made.convolution, made.norm, dark + 1, codes * 0, True).any()
        found = only_on(made.convolution, made.norm, dark, codes, True)
        torch.testing.assert_close(found, made.norm(made.convolution(dark)))


@pytest.mark.parametrize("kind", ["plain", "residual"])
def test_whole_networks(make: Any, kind: str) -> None:
    network = gated(make, kind)
    images = torch.randn(7, 3, 12, 12)
    with torch.no_grad(), computing(network, "all"):
        expected = network(images)
    for batch in (images, images[:1]):
        with torch.no_grad(), computing(network, "on"):
            torch.testing.assert_close(network(batch), expected[: len(batch)], atol=1e-5, rtol=1e-5)
    assert {each.mode for each in controlled(network).values()} == {"auto"}


def test_off_filters_are_not_computed(make: Any) -> None:
    """The convolution is asked for as many filters as are on, of channels that are not zero."""
    network, image = gated(make, "plain"), torch.randn(1, 3, 12, 12)
    shapes: list[tuple[int, ...]] = []
    last = controlled(network)["last"].convolution
    asked = last._conv_forward
    last._conv_forward = lambda x, w, b: shapes.append(tuple(w.shape[:2])) or asked(x, w, b)  # type: ignore[method-assign, func-returns-value]
    layers = controlled(network)
    reader = recording({n: e.control for n, e in layers.items()})
    with torch.no_grad(), reader as calls, computing(network, "on"):
        network(image)
    on = {name: int(calls[name][0].output.sum()) for name in layers}
    assert shapes and shapes[0][0] == on["last"] < 5 and shapes[0][1] <= on["mid.0"] < 8


def test_predict_skips_only_where_it_pays(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from interp_decoupling import control, only

    network, image = gated(make, "plain"), torch.randn(1, 3, 12, 12)
    called: list[int] = []
    real = only.only_on
    monkeypatch.setattr(control, "only_on", lambda *a: called.append(1) or real(*a))
    with torch.inference_mode():
        network(image)
    assert not called
    monkeypatch.setattr(only, "PAYS", 0.0)
    with torch.no_grad():
        network(image)
    assert not called
    with torch.inference_mode():
        network(image)
    assert len(called) == 2


def test_pays_counts_multiply_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    from interp_decoupling import only

    convolution, maps = nn.Conv2d(6, 9, 3, 2, 1), torch.zeros(4, 6, 11, 8)
    work = 6 * 4 * 6 * 9 * 9
    monkeypatch.setattr(only, "PAYS", work)
    assert pays(convolution, maps)
    monkeypatch.setattr(only, "PAYS", work + 1)
    assert not pays(convolution, maps)


@pytest.mark.parametrize("kind", ["plain", "residual"])
def test_work_by_hand(make: Any, kind: str) -> None:
    network = gated(make, kind)
    places = tuple(find_places(make(kind).module()))
    work = count_work(network, places, (12, 12))
    filters = {n: e.convolution.out_channels for n, e in controlled(network).items()}
    if kind == "plain":
        rest = 6 * 6 * 6 * 27 + 5 * 3
        full = 36 * 9 * 6 * 8 + 9 * 9 * 8 * 5
        codes = np.array([[1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0]])
        modules = (1 * 6 + 8 * 1 + 6 * 36) + (2 * 8 + 5 * 2 + 8 * 9)
        on = 36 * 9 * 6 * 3 + 9 * 9 * 3 * 2
    else:
        rest = 144 * 6 * 27 + 8 * 3
        full = 36 * 9 * 6 * 8 + 36 * 9 * 8 * 8 + 36 * 6 * 8
        codes = np.array([[1, 1, 0, 0, 0, 0, 0, 0] + [1] * 7 + [0] + [1] * 4 + [0] * 4])
        modules = (6 + 8 + 6 * 144) + (2 * 8 + 8 * 2 + 8 * 36) + (6 + 8 + 6 * 144)
        on = 36 * 9 * 6 * 2 + 36 * 9 * 2 * 7 + 36 * 6 * 4
    assert work.plain(filters) == rest + full
    assert work.on(codes, filters).tolist() == [rest + modules + on]
    assert work.share(codes, filters)[0] == pytest.approx((rest + modules + on) / (rest + full))
    assert Work.model_validate(work.model_dump(mode="json")) == work


@pytest.mark.parametrize("seed", range(3))
def test_work_is_what_torch_counts_when_filters_are_skipped(make: Any, seed: int) -> None:
    """Torch's counter sees two operations for each multiply-add, and no pooling."""
    from torch.utils.flop_counter import FlopCounterMode

    network = gated(make, "plain")
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(1, 3, 12, 12, generator=generator)
    layers = controlled(network)
    counter = FlopCounterMode(display=False)
    reader = recording({name: each.control for name, each in layers.items()})
    with torch.no_grad(), computing(network, "on"), counter, reader as calls:
        network(image)
    codes = np.concatenate([calls[name][0].output.numpy() > 0 for name in layers], 1)
    filters = {name: each.convolution.out_channels for name, each in layers.items()}
    work = count_work(network, tuple(find_places(make().module())), (12, 12))
    pooling = 6 * 36 + 8 * 9
    assert counter.get_total_flops() == 2 * (work.on(codes, filters)[0] - pooling)


def gated(make: Any, kind: str) -> nn.Module:
    """A network whose modules switch by image, about half on."""
    network = copy.deepcopy(make(kind).module()).eval()
    insert(network, Layout(places=tuple(find_places(network))))
    with torch.random.fork_rng():
        torch.manual_seed(2)
        for each in controlled(network).values():
            each.control.begin("kaiming")
            nn.init.normal_(each.control.expand.bias)
    return network
