"""An exported network answers as the module it was made of: whole, read and cut anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from onnx import helper
from torch import Tensor

from interp.errors import InputError, ModelError
from interp.spec import Capability
from interp.target import Target
from interp_onnx import adapter
from interp_onnx.adapter import KEPT

Pairs = Callable[..., Any]
SIZE = 24
KINDS = ["Residual", "Dense", "Depthwise", "Tokens"]
EXPORTS = ["new", "fixed", "old"]
TARGETS = [Target(3, "class 3"), Target(1, "class 1, not class 2", 2)]


def images(count: int) -> Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(count))


def assert_close(found: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    """Equal up to a share of the largest value."""
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.mark.parametrize("how", EXPORTS)
@pytest.mark.parametrize("name", KINDS)
def test_scores_and_activations(pair: Pairs, name: str, how: str) -> None:
    both = pair(name, how)
    for count in (1, 2, 5):
        given = images(count)
        assert_close(both.file.predict(given), both.module.predict(given))
        found = both.file.activations(given, both.shared)
        expected = both.module.activations(given, both.shared)
        assert list(found) == both.shared
        for layer in both.shared:
            assert_close(found[layer], expected[layer])


@pytest.mark.parametrize("how", EXPORTS)
@pytest.mark.parametrize("name", KINDS)
def test_every_suffix_equals_the_whole(pair: Pairs, name: str, how: str) -> None:
    both = pair(name, how)
    one, two = images(1), images(2)
    generator = torch.Generator().manual_seed(1)
    assert len(both.shared) >= 4
    for layer in both.shared:
        cut, truth = both.file.cut(layer), both.module.cut(layer)
        alone, together = cut.prefix(one), cut.prefix(two)
        kept = alone.activation.clone()
        for batch in (2, 3, 2, 1):
            states = torch.rand((batch, *kept.shape[1:]), generator=generator)
            activation = kept * (states > 0.5)
            expected = truth.suffix(truth.prefix(one), activation)
            for _ in range(2):
                assert_close(cut.suffix(alone, activation), expected)
        assert torch.equal(alone.activation, kept)
        expected = truth.suffix(truth.prefix(two), together.activation * 0.5)
        assert_close(cut.suffix(together, together.activation * 0.5), expected)
        assert_close(cut.suffix(together, together.activation), both.file.predict(two))


@pytest.mark.parametrize("how", EXPORTS)
@pytest.mark.parametrize("name", KINDS)
def test_layers_are_described_alike(pair: Pairs, name: str, how: str) -> None:
    both = pair(name, how)
    known = {layer.name: layer for layer in both.module.layers()}
    for layer in both.file.layers():
        if layer.name in known:
            assert layer.cut == "graph"
            for field in ("layout", "channels", "grid", "field"):
                assert getattr(layer, field) == getattr(known[layer.name], field), layer.name


def test_a_batch_left_by_tracing_is_found(pair: Pairs) -> None:
    """The class token was joined to two images: any number runs, two at a time, cuts too."""
    both = pair("Tokens", "two")
    assert both.file.network.batch == 2
    assert any("made for 2 image(s) at a time" in note for note in both.file.spec.notes)
    for count in (1, 2, 5):
        assert_close(both.file.predict(images(count)), both.module.predict(images(count)))
    found = both.file.activations(images(3), both.shared)
    for layer, expected in both.module.activations(images(3), both.shared).items():
        assert_close(found[layer], expected)
    cut = both.file.cut("norm")
    for count in (1, 3):
        frontier = cut.prefix(images(count))
        assert_close(cut.suffix(frontier, frontier.activation), both.file.predict(images(count)))
    alone = cut.prefix(images(1))
    states = torch.rand(5, *alone.activation.shape[1:])
    expected = both.module.cut("norm").suffix(both.module.cut("norm").prefix(images(1)), states)
    assert_close(cut.suffix(alone, states), expected)


@pytest.mark.parametrize("how", ["new", "old"])
def test_modules_that_share_a_computation_are_both_layers(pair: Pairs, how: str) -> None:
    both = pair("Shared", how)
    assert {"one", "two"} <= set(both.shared)
    layers = ["one", "two"]
    first, second = (each.activations(images(2), layers) for each in (both.module, both.file))
    for name in layers:
        assert_close(second[name], first[name])


def test_offers(pair: Pairs) -> None:
    both = pair("Residual")
    assert both.file.capabilities == set(Capability) - {Capability.MODULE}
    for name in ("fc", "after"):
        assert both.file.layer(name).kind == both.module.layer(name).kind


def test_cost_after_counts_what_the_suffix_does(pair: Pairs) -> None:
    """By hand: multiply-adds are output values times the products summed into each."""
    costs = {layer.name: layer.cost_after for layer in pair("Depthwise").file.layers()}
    stem, deep, point, fc = 12 * 12 * 6 * 27, 6 * 6 * 6 * 9, 6 * 6 * 9 * 6, 9 * 4
    total = stem + deep + point + fc
    assert costs["stem"] == pytest.approx((deep + point + fc) / total, abs=1e-5)
    assert costs["act"] == pytest.approx((point + fc) / total, abs=1e-5)
    assert costs["fc"] == 0


@pytest.mark.parametrize("by", ["recorded", "differences"])
@pytest.mark.parametrize("output", ["logit", "prob", "logprob"])
@pytest.mark.parametrize("name", KINDS)
def test_derivative_equals_autograd(pair: Pairs, name: str, output: str, by: str) -> None:
    both = pair(name)
    both.file._cuts.clear()
    given, generator = images(1), torch.Generator().manual_seed(2)
    for layer in both.shared:
        cut, truth = both.file.cut(layer), both.module.cut(layer)
        own = getattr(cut, "inner", cut)
        if by == "differences":
            own.program = None
        assert cut.one_pass == (by == "recorded")
        frontier = cut.prefix(given)
        shape = (5, *frontier.activation.shape[1:])
        directions = torch.randn(shape, generator=generator)
        directions[1] *= 1e3
        directions[2] = 0
        found = cut.derivative(frontier, directions, TARGETS, output)  # type: ignore[arg-type]
        expected = truth.derivative(truth.prefix(given), directions, TARGETS, output)  # type: ignore[arg-type]
        length = directions.flatten(1).norm(dim=1, keepdim=True)
        exact = 1e-2 if by == "differences" else 1e-5
        tolerance = exact * (expected / length.clamp(min=1)).abs().max() * length
        assert ((found - expected).abs() <= tolerance).all(), layer
        assert torch.equal(found[2], torch.zeros(2))
        if by == "differences":
            assert own.error is not None and own.error.shape == found.shape
            assert (own.error <= tolerance).all(), layer
    both.file._cuts.clear()


def test_frontier_takes_one_image_or_as_many(pair: Pairs) -> None:
    cut = pair("Residual").file.cut("act")
    frontier = cut.prefix(images(2))
    with pytest.raises(InputError, match="the frontier holds 2 images, the activation 3"):
        cut.suffix(frontier, frontier.activation[:1].expand(3, -1, -1, -1))
    with pytest.raises(InputError, match="act has"):
        cut.suffix(frontier, frontier.activation[:, :2])


def test_key_depends_on_layer_and_image(pair: Pairs) -> None:
    model = pair("Residual").file
    keys = {model.cut(each).prefix(images(1)).key for each in ("act", "stem")}
    assert len({*keys, model.cut("act").prefix(images(2)).key}) == 3
    assert model.cut("act").prefix(images(1)).key in keys


def test_sessions_are_made_once(pair: Pairs) -> None:
    model = pair("Dense").file
    cut = model.cut("one")
    assert model.cut("one") is cut
    model.activations(images(1), ["one"])
    readers = dict(model._readers)
    model.activations(images(2), ["one"])
    assert model._readers == readers


def test_the_last_cuts_and_looks_are_kept(pair: Pairs) -> None:
    model = pair("Residual").file
    model._cuts.clear()
    model._readers.clear()
    first, *others = model.layers()[: KEPT + 1]
    cut = model.cut(first.name)
    for each in others[:-1]:
        model.cut(each.name)
    assert model.cut(first.name) is cut
    model.cut(others[-1].name)
    assert list(model._cuts) == [*(each.name for each in others[1:-1]), first.name, others[-1].name]
    for each in model.layers():
        model.activations(images(1), [each.name])
    assert len(model._readers) == KEPT


def test_large_models_keep_one_cut(
    small: Any, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "ROOM", 100)
    model = opened(small())
    for layer in model.layers():
        model.cut(layer.name)
        assert list(model._cuts) == [layer.name]


@pytest.mark.parametrize(("how", "left"), [("new", "norm"), ("old", "act")])
def test_a_folded_layer_names_what_is_left(pair: Pairs, how: str, left: str) -> None:
    with pytest.raises(InputError, match=f"merged it with what follows; use '{left}'"):
        pair("Residual", how).file.cut("first")


def test_outputs_do_not_share_memory_with_later_runs(pair: Pairs) -> None:
    model = pair("Dense").file
    first = model.predict(images(2))
    kept = first.clone()
    for _ in range(3):
        model.predict(images(3)[:2])
    assert torch.equal(first, kept)


def test_a_cut_that_cannot_follow_the_batch_is_refused(hand_made: Any, opened: Any) -> None:
    """What crosses holds the images' values side by side, so one image's cannot be repeated."""
    generator = np.random.default_rng(0)
    weights = {
        "kernel": generator.normal(size=(3, 3, 3, 3)).astype(np.float32),
        "matrix": generator.normal(size=(3, 4)).astype(np.float32),
        "flat": np.array([-1]),
        "rows": np.array([3, -1]),
    }
    wiring = [
        ("Conv", ["image", "kernel"], "hidden"),
        ("GlobalAveragePool", ["hidden"], "mean"),
        ("Flatten", ["mean"], "active"),
        ("Transpose", ["active"], "turned"),
        ("Reshape", ["turned", "flat"], "line"),
        ("GlobalAveragePool", ["image"], "colour"),
        ("Flatten", ["colour"], "colours"),
        ("Transpose", ["colours"], "turned colours"),
        ("Reshape", ["turned colours", "flat"], "line of colours"),
        ("Mul", ["line", "line of colours"], "product"),
        ("Reshape", ["product", "rows"], "products"),
        ("Transpose", ["products"], "parts"),
        ("MatMul", ["parts", "matrix"], "scores"),
    ]
    nodes = [helper.make_node(kind, given, [made]) for kind, given, made in wiring]
    model = opened(hand_made(nodes, weights))
    assert model.network.batch is None
    with pytest.raises(ModelError, match="cannot be cut at active; choose another layer"):
        model.cut("active")
    cut = model.cut("parts")
    frontier = cut.prefix(images(3))
    assert_close(cut.suffix(frontier, frontier.activation), model.predict(images(3)))
