"""The network piece by piece: tracks, norm, p, decoder, first weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import adaptive_max_pool2d, max_pool2d, relu

from interp.errors import InputError, UnsupportedError
from interp.model import ModelAdapter
from interp.testing import ToyModel
from interp_explainer.initial_weights import copy_performer
from interp_explainer.network import ExplainerNetwork, Norm, build
from interp_explainer.params import ExplainerParams
from interp_explainer.performer import Performer
from interp_explainer.structure import Structure, find_structure, in_units
from interp_explainer.template import make_templates, mask


def images(count: int = 8) -> torch.Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def structure(model: ModelAdapter) -> Structure:
    return find_structure(model, None, (), None)


@pytest.fixture
def network(structure: Structure) -> ExplainerNetwork:
    return build(structure, ExplainerParams())


@pytest.fixture
def maps(model: ModelAdapter, structure: Structure) -> torch.Tensor:
    return Performer(model, structure).activations(images())[0]


def test_one_pass_by_hand(network: ExplainerNetwork, maps: torch.Tensor) -> None:
    network.eval()
    network.norm_interp.alpha.fill_(2.0)
    network.norm_ordinary.alpha.uniform_(0.5, 3.0)
    with torch.no_grad():
        network.logit.fill_(1.5)
        found = network(maps)
        templates = make_templates((8, 8), 4.0)
        first = relu(network.interp1(maps))
        raw = network.interp2(mask(first, templates))
        parts = mask(relu(raw), templates)
        p = 1 / (1 + torch.tensor(-1.5).exp())
        part = p * max_pool2d(parts, 4) / 2.0
        alpha = network.norm_ordinary.alpha[:, None, None]
        rest = (1 - p) * max_pool2d(relu(network.ordinary(maps)), 4) / alpha
        one = relu(network.decoder[0][1]((part + rest).flatten(1)))  # type: ignore[index]
        two = relu(network.decoder[1][1](one))  # type: ignore[index]
    encoded = found.encoded
    for name, wanted in {"first": first, "raw": raw, "parts": parts, "mixed": part}.items():
        torch.testing.assert_close(getattr(encoded, name), wanted)
    torch.testing.assert_close(encoded.features, part + rest)
    torch.testing.assert_close(found.goals, (one, two))


def test_pooling_after_the_norm(structure: Structure, maps: torch.Tensor) -> None:
    """alpha is then of what is not pooled; of maps above zero nothing else changes."""
    first, last = (build(structure, ExplainerParams(pool=each)) for each in ("first", "last"))
    encoded = [each.encode(maps) for each in (first, last)]
    torch.testing.assert_close(encoded[0].parts, encoded[1].parts)
    alpha = encoded[1].parts.mean((0, 2, 3))
    torch.testing.assert_close(last.norm_interp.alpha, alpha)
    torch.testing.assert_close(
        first.norm_interp.alpha, max_pool2d(encoded[0].parts, 4).mean((0, 2, 3))
    )
    least = torch.maximum(alpha, 0.01 * alpha.mean()).clamp(min=1e-6)[:, None, None]
    torch.testing.assert_close(encoded[1].mixed, 0.5 * max_pool2d(encoded[1].parts, 4) / least)


def test_a_scaled_start_knows_no_unit(model: ModelAdapter, structure: Structure) -> None:
    """Maps and features a thousand times as large: the same parts, and goals as much larger."""
    seen, goals = Performer(model, structure).activations(images())
    found = []
    for size in (1.0, 1000.0):
        units = in_units(structure, size * seen, tuple(size * each for each in goals))
        assert units.goals[1].unit == pytest.approx(size * float((goals[1] ** 2).mean()) ** 0.5)
        assert Structure.model_validate(units.model_dump(mode="json")) == units
        found.append(build(units, ExplainerParams())(size * seen))
    torch.testing.assert_close(found[0].encoded.parts, found[1].encoded.parts)
    for one, other in zip(found[0].goals, found[1].goals, strict=True):
        torch.testing.assert_close(1000 * one, other, rtol=1e-4, atol=1e-2)


def test_a_mean_has_the_unit_of_what_it_is_of(residual: ModelAdapter) -> None:
    structure = find_structure(residual, "stem", (), None)
    maps, goals = Performer(residual, structure).activations(images())
    units = in_units(structure, maps, goals)
    assert units.goals[0].unit == units.goals[1].unit != 1
    answer = build(units, ExplainerParams())(maps).goals
    torch.testing.assert_close(answer[1], answer[0].mean((2, 3)))


def test_acceptance_8_p_starts_at_one_half_and_is_one_number(network: ExplainerNetwork) -> None:
    assert network.p.item() == 0.5
    scalars = [n for n, each in network.named_parameters() if each.shape == ()]
    assert scalars == ["logit"] and "logit" in network.state_dict()


def test_a_network_is_drawn_by_its_seed_alone(structure: Structure) -> None:
    state = torch.get_rng_state()
    one, same, other = (
        build(structure, ExplainerParams(), seed).state_dict() for seed in (0, 0, 1)
    )
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["interp1.weight"], other["interp1.weight"])


@pytest.mark.parametrize("momentum", [0.1, 0.5])
def test_the_norm_s_running_mean_against_a_slow_one(momentum: float) -> None:
    norm, alpha = Norm(2, momentum, 0.01, "running"), None
    for step in range(5):
        maps = torch.randn(6, 2, 3, 3, generator=torch.Generator().manual_seed(step)) * (step + 1)
        found = norm(maps)
        mean = torch.stack([maps[:, k].clamp(min=0).mean() for k in range(2)])
        alpha = mean if alpha is None else (1 - momentum) * alpha + momentum * mean
        torch.testing.assert_close(found, maps / alpha[:, None, None])
    norm.eval()
    norm(100 * torch.ones(6, 2, 3, 3))
    torch.testing.assert_close(norm.alpha, alpha)
    assert Norm(2, 0.1, 0.01)(torch.zeros(6, 2, 3, 3)).abs().max() == 0


def test_a_norm_by_the_batch_asks_nothing_of_the_size_of_maps() -> None:
    """Its output does not change with a filter's size, so neither does any loss of it."""
    norm = Norm(2, 0.1, 0.01, "batch")
    for step in range(3):
        maps = torch.rand(6, 2, 3, 3, generator=torch.Generator().manual_seed(step))
        size = torch.tensor([1.0, 30.0], requires_grad=True)
        found = norm(maps * size[:, None, None])
        torch.testing.assert_close(found, maps / maps.mean((0, 2, 3))[:, None, None])
        (found * torch.rand(3, 3)).square().sum().backward()
        assert size.grad is not None and (size.grad * size.detach()).abs().max() < 1e-4
    kept = norm.alpha.clone()
    norm.eval()
    torch.testing.assert_close(norm(maps), maps / kept[:, None, None])


def test_a_filter_that_was_silent_is_not_blown_up() -> None:
    norm, maps = Norm(2, 0.1, 0.01), torch.ones(4, 2, 3, 3)
    maps[:, 1] = 0
    norm(maps)
    norm.eval()
    assert norm(torch.ones(4, 2, 3, 3))[:, 1].max() <= 1 / (0.01 * 0.5) + 1e-3
    norm.least = 0.2
    assert norm(torch.ones(4, 2, 3, 3))[:, 1].max() == pytest.approx(1 / (0.2 * 0.5))


def test_acceptance_5_larger_weights_do_not_make_parts_count_more(
    network: ExplainerNetwork, maps: torch.Tensor
) -> None:
    """x_interp over alpha is the same when conv-interp-2 is ten times as large."""
    before = [network(maps).encoded.mixed for _ in range(2)][-1]
    with torch.no_grad():
        network.interp2.weight *= 10
        network.interp2.bias *= 10  # type: ignore[operator]
        for _ in range(200):  # the statistics settle
            after = network(maps).encoded.mixed
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("grid", "size", "stride", "pooled"), [(14, 2, 2, 7), (13, 3, 2, 6), (14, 7, 7, 2)]
)
def test_pooling_is_the_performer_s(grid: int, size: int, stride: int, pooled: int) -> None:
    """VGG-16's 2 x 2 / 2, AlexNet's 3 x 3 / 2, creatures-vgg's 7 x 7."""
    maps = torch.rand(2, 3, grid, grid)
    assert torch.equal(adaptive_max_pool2d(maps, pooled), max_pool2d(maps, size, stride))


def test_a_residual_network_s_decoder(residual: ModelAdapter) -> None:
    structure = find_structure(residual, "stem", (), None)
    network = build(structure, ExplainerParams())
    maps, goals = Performer(residual, structure).activations(images())
    found = network(maps).goals
    assert [each.shape for each in found] == [each.shape for each in goals]
    torch.testing.assert_close(found[1], found[0].mean((2, 3)))
    assert [type(part) for part in network.decoder[0]] == [nn.Conv2d, nn.ReLU]  # type: ignore[union-attr]


def test_a_copied_start_rebuilds_the_features(model: ModelAdapter, structure: Structure) -> None:
    """With p at 0 only the ordinary track is left, and that is the performer itself."""
    network = build(structure, ExplainerParams())
    maps, goals = Performer(model, structure).activations(images())
    before = [each.clone() for each in model.module().state_dict().values()]
    copy_performer(network, model, maps)
    with torch.no_grad():
        network.logit.fill_(-100.0)
        found = network(maps).goals
    torch.testing.assert_close(found, goals, rtol=1e-4, atol=1e-5)
    after = model.module().state_dict().values()
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert torch.equal(network.interp1.weight, network.ordinary.weight)


def test_a_start_that_cannot_be_copied(model: ModelAdapter, residual: ModelAdapter) -> None:
    narrow = build(find_structure(model, None, (), 3), ExplainerParams())
    with pytest.raises(InputError, match="next convolution is not 3 x 3 of 3 filters"):
        copy_performer(narrow, model, torch.rand(2, 5, 8, 8))
    toy = ToyModel()
    toy.capabilities = toy.capabilities - {"module"}
    network = build(find_structure(residual, "stem", (), None), ExplainerParams())
    with pytest.raises(UnsupportedError, match="--start copied needs MODULE"):
        copy_performer(network, toy, torch.rand(2, 6, 8, 8))
