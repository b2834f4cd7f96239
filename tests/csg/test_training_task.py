"""Schedules, the reach of gates, and one step of training against a second writing."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from interp.errors import InputError
from interp_csg.params import CsgParams
from interp_csg.reach import check_reach, needed, reach, with_faster_gates
from interp_csg.training_task import CsgTask

BASE = {
    "schedule": "small",
    "epochs": 30,
    "batch_size": 8,
    "rate": 0.1,
    "gated_rate": 0.05,
    "gate_rate": 0.01,
}


def scheduled(**said) -> CsgParams:
    return CsgParams(**{**BASE, **said}).scheduled()


def test_the_authors_pattern() -> None:
    large = CsgParams(schedule="large").scheduled()
    gated = [epoch for epoch in range(large.epochs or 0) if large.gated(epoch)]
    assert gated == list(range(11, 150, 3)) and len(gated) == 47
    every = scheduled(period=1, phase=0)
    assert all(every.gated(epoch) for epoch in range(5))
    assert not any(scheduled(gate=False).gated(epoch) for epoch in range(30))


def test_rates_fall_and_change_with_the_epoch_s_kind() -> None:
    params = scheduled()
    assert params.rate_at(0) == 0.1 and params.rate_at(2) == 0.05
    assert params.rate_at(12) == pytest.approx(0.01)
    assert params.rate_at(24) == pytest.approx(1e-4)


@pytest.mark.parametrize("gate", [True, False])
def test_rates_of_large_are_those_of_two_optimisers_with_a_schedule_each(gate: bool) -> None:
    """The release: each optimiser's MultiStepLR steps after its own epochs, at 60, 90 and 120."""
    large = CsgParams(schedule="large", gate=gate).scheduled()
    both = {}
    for gated, rate in ((False, 1e-5), (True, 1e-3)):
        optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=rate)
        both[gated] = torch.optim.lr_scheduler.MultiStepLR(optimizer, [60, 90, 120])
    for epoch in range(151):
        schedule = both[gate and epoch >= 10 and epoch % 3 == 2]
        assert large.rate_at(epoch) == pytest.approx(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    assert large.rate_at(149) == pytest.approx(1e-3 if gate else 1e-8)


def test_what_is_said_counts_more_than_the_schedule() -> None:
    assert CsgParams(schedule="large", rate=0.5).scheduled().rate == 0.5
    assert CsgParams(schedule="large").scheduled().optimizer == "adam"
    assert CsgParams(drops=()).scheduled().rate_at(18) == CsgParams().scheduled().rate == 1e-3


@pytest.mark.parametrize(("classes", "sparsity"), [(10, 1.0), (6, 1.2), (3, 2.0), (3, 5.0)])
def test_needed_travel(classes: int, sparsity: float) -> None:
    rest = 1 - needed(classes, sparsity)
    assert 1 + (classes - 1) * rest == pytest.approx(min(sparsity, classes))


def test_reach() -> None:
    assert reach(scheduled(), 100) == pytest.approx(1.0)
    assert reach(scheduled(gate_optimizer="sgd"), 100) == pytest.approx(1e-3)
    check_reach(scheduled(), 10, 10)  # ten gated epochs of ten steps: 1.0 for .98
    check_reach(scheduled(gate=False), 10, 1)
    with pytest.raises(InputError, match=r"can travel 0.9 in 10 gated epochs of 9 .*need 0.98"):
        check_reach(scheduled(), 10, 9)
    with pytest.raises(InputError, match="choose --gate-optimizer adam"):
        check_reach(scheduled(gate_optimizer="sgd"), 10, 100)
    with pytest.raises(InputError, match="can travel 0 in"):
        check_reach(scheduled(penalty=0), 10, 1000)


def test_gates_move_as_far_as_told() -> None:
    """Entries that only the hinge pulls on fall by what reach says, until projected."""
    for kind in ("adam", "sgd"):
        params = scheduled(gate_optimizer=kind, penalty=0.5, gate_rate=0.01)
        gate = torch.nn.Parameter(torch.ones(1))
        made = (torch.optim.Adam if kind == "adam" else torch.optim.SGD)([gate], lr=0.01)
        for _ in range(20):
            made.zero_grad()
            (params.penalty * gate.sum()).backward()
            made.step()
        assert 1 - gate.item() == pytest.approx(reach(params, 20), rel=1e-3)


@pytest.mark.parametrize("epoch", [0, 2])
def test_one_step(model, epoch: int) -> None:
    """Losses and gradients against the formula, image by image; G moves in gated epochs alone."""
    params = scheduled(gate_optimizer="sgd", gate_rate=0.5, penalty=0.1, optimizer="sgd", decay=0.0)
    network = copy.deepcopy(model.module()).train()
    second = copy.deepcopy(network)
    task = CsgTask(network, "head", 6, params)
    images, labels = torch.randn(6, 3, 12, 12), torch.tensor([0, 1, 1, 0, 1, 0])
    active = task.begin(epoch)
    assert active == (["network", "gates"] if params.gated(epoch) else ["network"])
    found = task.losses(epoch, task.modules, images, labels)
    found["loss"].backward()

    gates = torch.full((3, 6), 0.5, requires_grad=True)
    maps = second.last(second.first(images))
    total = torch.zeros(())
    for b, y in enumerate(labels):
        rows = gates[y] if epoch == 2 else torch.ones(6)
        total = total + cross_entropy(second.head(maps[b].mean((1, 2)) * rows)[None], y[None])
    slow = total / 6 + (0.1 * max(0.5 * 18 - 1.2 * 6, 0) if epoch == 2 else 0)
    assert found["loss"].item() == pytest.approx(slow.item(), rel=1e-5)
    (total / 6 + (0.1 * gates.abs().sum() if epoch == 2 else 0)).backward()
    for one, other in zip(network.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)
    if epoch == 0:
        task.stepped(epoch)
        assert task.gates.values.grad is None and (task.gates.values == 0.5).all()
        return
    torch.testing.assert_close(task.gates.values.grad, gates.grad, rtol=1e-4, atol=1e-6)
    task.optimizers["gates"].step()
    task.stepped(epoch)
    moved = 0.5 - 0.5 * gates.grad.numpy()
    expected = np.clip(moved / moved.max(0), 0, 1)
    np.testing.assert_allclose(task.gates.values.detach().numpy(), expected, rtol=1e-4)


def test_only_named_parts_learn(model) -> None:
    network = copy.deepcopy(model.module())
    task = CsgTask(network, "head", 6, scheduled(train=("last", "head")))
    learning = {name for name, each in network.named_parameters() if each.requires_grad}
    assert learning == {"last.0.weight", "last.0.bias", "head.weight", "head.bias"}
    assert len(task.optimizers["network"].param_groups[0]["params"]) == 4


def test_each_kind_of_epoch_has_its_parts_and_its_optimiser(model) -> None:
    """A step in a gated epoch moves its parts alone, and leaves the other optimiser's state."""
    network = copy.deepcopy(model.module())
    said = {"optimizers": "own", "train": ("first", "head"), "gated_train": ("head",)}
    task = CsgTask(network, "head", 6, scheduled(optimizer="adam", **said))
    images, labels = torch.randn(6, 3, 12, 12), torch.tensor([0, 1, 2, 0, 1, 2])

    def moved(epoch: int) -> set[str]:
        before = {name: each.detach().clone() for name, each in network.named_parameters()}
        active = [task.optimizers[name] for name in task.begin(epoch)]
        for optimizer in active:
            optimizer.zero_grad()
        task.losses(epoch, task.modules, images, labels)["loss"].backward()
        for optimizer in active:
            optimizer.step()
        return {n for n, each in network.named_parameters() if not torch.equal(each, before[n])}

    assert {name.partition(".")[0] for name in moved(0)} == {"first", "head"}
    assert not task.optimizers["gated"].state
    assert moved(2) == {"head.weight", "head.bias"}
    assert all(each["step"] == 1 for each in task.optimizers["network"].state.values())


def test_parts_that_are_not_there_are_named(model) -> None:
    large = scheduled(schedule="large")
    with pytest.raises(InputError, match="no part layer3 to train; it has first, last, head"):
        CsgTask(copy.deepcopy(model.module()), "head", 6, large)


def test_gates_hasten_where_there_are_few_steps() -> None:
    few = CsgParams().scheduled()
    with pytest.raises(InputError, match="raise --gate-rate"):
        check_reach(few, 10, 1)
    fast = with_faster_gates(few, 10, 1)
    check_reach(fast, 10, 1)
    assert reach(fast, 6) == pytest.approx(2 * needed(10, 1.2), rel=1e-3)
    assert with_faster_gates(few, 10, 100) == few
    assert with_faster_gates(few.model_copy(update={"epochs": 3}), 10, 1).gate_rate == 0.5
