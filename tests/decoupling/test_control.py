"""Improved SemHash: saturation, binary codes, the soft gradient, and who is hard."""

from __future__ import annotations

import math

import pytest
import torch

from interp_decoupling.control import Control, Start, mixed, semhash, soft
from interp_decoupling.params import DecouplingParams


def slow_soft(g: float) -> float:
    return min(1.0, max(0.0, 1.2 / (1 + math.exp(-g)) - 0.1))


def test_soft_against_the_formula() -> None:
    values = torch.linspace(-4, 4, 101, dtype=torch.float64)
    expected = [slow_soft(float(each)) for each in values]
    torch.testing.assert_close(soft(values), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("sign", [-1, 1])
def test_saturates_beyond_ln_11_and_not_before(sign: int) -> None:
    edge = sign * math.log(11)
    beyond, before = torch.tensor([edge * 1.0001, edge * 0.999], dtype=torch.float64)
    assert soft(beyond) == (sign > 0)
    assert 0 < soft(before) < 1


def test_hard_entries_are_binary_and_receive_the_soft_gradient() -> None:
    noisy = torch.linspace(-3, 3, 40).reshape(8, 5).requires_grad_()
    hard = (torch.arange(8) % 2 == 0)[:, None]
    weight = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
    found = semhash(noisy, hard)
    (found * weight).sum().backward()
    assert noisy.grad is not None
    other = noisy.detach().clone().requires_grad_()
    (soft(other) * weight).sum().backward()
    torch.testing.assert_close(noisy.grad, other.grad)
    assert noisy.grad[0].abs().max() > 0
    assert torch.equal(found[::2], (noisy[::2] > 0).float())
    assert torch.equal(found[1::2], soft(noisy)[1::2])


@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_half_of_the_samples_are_hard(count: int) -> None:
    found = mixed(torch.Size((count, 9)), "samples", torch.device("cpu"))
    assert found.shape == (count, 1) and int(found.sum()) == count // 2


def test_other_mixtures() -> None:
    shape, device = torch.Size((4, 200)), torch.device("cpu")
    assert mixed(shape, "hard", device).all() and not mixed(shape, "soft", device).any()
    drawn = mixed(shape, "channels", device)
    assert drawn.shape == (200,) and 50 < int(drawn.sum()) <= 100  # 39 % expected


def control(mixture="samples") -> Control:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = Control(10, 7, 4, mixture)
        made.begin("kaiming")
    return made


def test_evaluation_is_binary_and_deterministic() -> None:
    made, maps = control().eval(), torch.randn(6, 10, 4, 4)
    first = made(maps)
    assert torch.equal(first, made(maps)) and set(first.unique().tolist()) <= {0.0, 1.0}
    hidden = (made.reduce.weight @ maps.mean((2, 3)).T).T + made.reduce.bias
    scores = hidden.clamp(min=0) @ made.expand.weight.T + made.expand.bias
    assert torch.equal(first, (scores > 0).float())


def test_training_is_noisy() -> None:
    made, maps = control("soft").train(), torch.randn(6, 10, 4, 4)
    assert not torch.equal(made(maps), made(maps))


def test_noise_is_as_strong_as_asked() -> None:
    made, maps = Control(10, 7, 4, "soft", noise=0.0).train(), torch.randn(6, 10, 4, 4)
    assert torch.equal(made(maps), made(maps))
    scores = made.expand(made.reduce(maps.mean((2, 3))).relu())
    torch.testing.assert_close(made(maps), soft(scores))


def test_shapes_and_start() -> None:
    made = control()
    assert made.reduce.weight.shape == (2, 10) and made.expand.weight.shape == (7, 2)
    made.begin("zero")
    assert made.eval()(torch.randn(5, 10, 3, 3)).unique(dim=0).shape == (1, 7)
    assert not made.reduce.weight.any() and (made.expand.bias == 1).all()


def test_images_begin_on_different_paths_in_the_released_recipe_for_cifar() -> None:
    start = DecouplingParams(schedule="small").scheduled().start
    assert start is not None
    with torch.random.fork_rng():
        torch.manual_seed(6)
        made, maps = control(), torch.randn(40, 10, 3, 3)
        made.begin(start)
    assert len(made.eval()(maps).unique(dim=0)) > 1


def test_standardised_modules_read_differences_between_images() -> None:
    """The same first weights, on p in units of its spread; a channel that never varies is left."""
    made = control()
    with torch.random.fork_rng():
        torch.manual_seed(4)
        made.begin("standard")
        maps = (
            5
            + torch.randn(40, 10, 1, 1).expand(-1, -1, 3, 3)
            * torch.logspace(-2, 1, 10)[:, None, None]
        )
    maps[:, 4] = 7
    p = maps.mean((2, 3))
    spread = p.std(0)
    units = (p - p.mean(0)) / torch.where(spread > 0, spread, 1)
    units[:, 4] = 0
    expected = made.expand(made.reduce(units).relu())
    made.standardise(maps)
    assert torch.equal(made.eval()(maps), (expected > 0).float())
    made.fold()
    settled = made.expand(made.reduce(p).relu())
    torch.testing.assert_close(settled, expected, atol=1e-3, rtol=1e-3)
    assert made.centre is None and set(made.state_dict()) == set(control().state_dict())


def test_units_follow_inputs_that_change() -> None:
    """In training, to the mean and spread of what it sees now; a batch of one image is enough."""
    made = control().train()
    generator = torch.Generator().manual_seed(0)
    made.standardise(torch.randn(40, 10, 3, 3, generator=generator))
    for _ in range(300):
        p = 5 + 2 * torch.randn(30, 10, 1, 1, generator=generator)
        p[:, 3] = 0  # a filter before it that is off by now
        made(p.expand(-1, -1, 3, 3))
    made(p[:1].expand(-1, -1, 3, 3))
    assert made.centre is not None and made.spread is not None
    live = torch.arange(10) != 3
    torch.testing.assert_close(made.centre[live], torch.full((9,), 5.0), atol=0.4, rtol=0)
    torch.testing.assert_close(made.spread[live], torch.full((9,), 2.0), atol=0.4, rtol=0)
    made.eval()
    before = made(p.expand(-1, -1, 3, 3))
    made.fold()
    assert torch.equal(made(p.expand(-1, -1, 3, 3)), before)


@pytest.mark.parametrize("start", ["open", "standard"])
def test_open_starts_begin_with_nearly_all_filters_on(start: Start) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        made = Control(64, 200, 4, "samples").eval()
        made.begin(start)
        maps = torch.rand(50, 64, 4, 4)
        if start == "standard":
            made.standardise(maps)
    assert made(maps).mean() > 0.9
