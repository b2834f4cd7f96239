"""The three losses and a whole step against slow second writings."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch

from interp_decoupling.build import Layout, begin, insert
from interp_decoupling.control import controlled
from interp_decoupling.loss import alignment, information, sparsity
from interp_decoupling.params import SCHEDULES, DecouplingParams
from interp_decoupling.structure import find_places
from interp_decoupling.training_task import DecouplingTask, Teacher, Terms


def softmax(row: np.ndarray) -> np.ndarray:
    return np.exp(row) / np.exp(row).sum()


def slow_alignment(first: np.ndarray, second: np.ndarray) -> float:
    total = 0.0
    for o, z in zip(first, second, strict=True):
        p, q = softmax(o), softmax(z)
        total += sum(p[j] * math.log(p[j] / q[j]) for j in range(len(p)))
    return total / first.size


@pytest.mark.parametrize("shape", [(1, 3), (5, 8), (7, 2)])
@pytest.mark.parametrize("seed", [0, 1])
def test_losses_by_hand(shape: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps, codes = rng.normal(size=shape), rng.random(shape)
    o, z = torch.tensor(maps), torch.tensor(codes)
    assert alignment(o, z, "maps").item() == pytest.approx(slow_alignment(maps, codes), rel=1e-4)
    assert alignment(o, z, "codes").item() == pytest.approx(slow_alignment(codes, maps), rel=1e-4)
    means = sum(row.sum() for row in codes) / shape[0]
    assert sparsity(z, 0.3).item() == pytest.approx(abs(means - 0.3 * shape[1]), rel=1e-4)
    assert sparsity(z, 0.0).item() == pytest.approx(means, rel=1e-4)
    labels = rng.integers(0, shape[1], shape[0])
    slow = -np.mean([math.log(softmax(row)[y]) for row, y in zip(maps, labels, strict=True)])
    assert information(o, torch.tensor(labels)).item() == pytest.approx(slow, rel=1e-4)


def test_sparsity_vanishes_at_the_target() -> None:
    codes = torch.tensor([[1.0, 1, 0, 0, 0], [1, 1, 1, 1, 0]])
    assert sparsity(codes, 0.6).item() == pytest.approx(0, abs=1e-6)
    assert sparsity(codes, 0.5).item() == pytest.approx(0.5)


def test_alignment_moves_both_sides() -> None:
    maps, codes = torch.randn(4, 5, requires_grad=True), torch.rand(4, 5, requires_grad=True)
    alignment(maps, codes, "maps").backward()
    assert maps.grad is not None and maps.grad.abs().max() > 0
    assert codes.grad is not None and codes.grad.abs().max() > 0


@pytest.mark.parametrize("kind", ["plain", "residual"])
def test_terms_layer_by_layer(make: Any, kind: str) -> None:
    """Against the network run by hand in training mode, with no noise and codes all soft."""
    network = copy.deepcopy(make(kind).module()).eval()
    places = tuple(find_places(network))
    insert(network, Layout(places=places, mixture="soft"))
    begin(network, places, DecouplingParams(start="kaiming"), 0)
    terms = Terms(network, 3, "maps", 0.25).train()
    images, labels = torch.randn(6, 3, 12, 12), torch.tensor([0, 1, 2, 0, 1, 2])
    twin = copy.deepcopy(terms)
    torch.manual_seed(0)
    found = terms(images, labels)

    torch.manual_seed(0)
    slow = {"information": 0.0, "alignment": 0.0, "sparsity": 0.0}
    readers = dict(zip(controlled(twin.network), twin.readers, strict=True))
    rectified = {"mid.0", "last"} if kind == "plain" else {"conv1"}

    def note(name: str) -> Any:
        def hook(layer: Any, inputs: Any, output: torch.Tensor) -> None:
            codes, maps = inputs[1], inputs[0]
            if name in rectified:
                maps = maps.clamp(min=0)
            o = np.array([[m.mean().item() for m in image] for image in maps])
            slow["alignment"] += slow_alignment(o, codes.detach().numpy())
            slow["sparsity"] += abs(codes.sum().item() / 6 - 0.25 * codes.shape[1])
            answers = (codes @ readers[name].weight.T).detach().numpy()
            slow["information"] -= float(
                np.mean([math.log(softmax(a)[y]) for a, y in zip(answers, labels, strict=True)])
            )

        return hook

    for name, each in controlled(twin.network).items():
        each.gate.register_forward_hook(note(name))
    scores = twin.network(images)
    for name, value in slow.items():
        assert found[name].item() == pytest.approx(value, rel=1e-4), name
    assert found["entropy"].item() == pytest.approx(
        torch.nn.functional.cross_entropy(scores, labels).item(), rel=1e-5
    )
    assert all(reader.bias is None for reader in twin.readers)


def test_the_loss_is_the_weighted_sum(make: Any, said: dict[str, Any]) -> None:
    network = copy.deepcopy(make().module()).eval()
    insert(network, Layout(places=tuple(find_places(network))))
    params = DecouplingParams(**said, alignment=3.0).scheduled()
    task = DecouplingTask(network, 3, params)
    task.terms.train()
    found = task.losses(0, task.modules, torch.randn(4, 3, 12, 12), torch.tensor([0, 1, 2, 0]))
    parts = 3 * found["alignment"] + 0.5 * found["information"] + 0.02 * found["sparsity"]
    assert found["loss"].item() == pytest.approx((found["entropy"] + parts).item(), rel=1e-5)
    found["loss"].backward()
    for name, each in network.named_parameters():
        assert each.grad is not None, name


def test_schedules() -> None:
    small = DecouplingParams(schedule="small").scheduled()
    assert (small.epochs, small.batch_size, small.kept) == (200, 128, 0.0)
    rates = [small.rates_at(epoch) for epoch in (0, 99, 100, 149, 150)]
    assert np.allclose(rates, [[0.1] * 2, [0.1] * 2, [0.01] * 2, [0.01] * 2, [0.001] * 2])
    large = DecouplingParams(schedule="large", kept=0.0, drops=()).scheduled()
    assert (large.epochs, large.kept, large.sparsity) == (120, 0.0, 0.01)
    assert large.rates_at(119) == (0.01, 0.01)
    short = DecouplingParams(control_rate=0.5).scheduled()
    assert short.start == "standard" and short.rates_at(0) == (0.02, 0.5)
    assert set(SCHEDULES["small"]) == set(SCHEDULES["large"]) == set(SCHEDULES["short"])


def test_answers_are_distilled(make: Any, said: dict[str, Any]) -> None:
    """Against the formula by hand; the plain network stays as it was and is not kept."""
    plain = copy.deepcopy(make().module()).eval()
    network = copy.deepcopy(plain)
    insert(network, Layout(places=tuple(find_places(network))))
    params = DecouplingParams(**said, distillation=0.5).scheduled()
    task = DecouplingTask(network, 3, params, teacher=Teacher(copy.deepcopy(plain)))
    assert not any("teacher" in name for name in task.terms.state_dict())
    task.terms.train()
    images, labels = torch.randn(4, 3, 12, 12), torch.tensor([0, 1, 2, 0])
    torch.manual_seed(0)
    found = task.losses(0, task.modules, images, labels)
    torch.manual_seed(0)
    scores = copy.deepcopy(task.network)(images).detach().numpy()
    taught = plain(images).detach().numpy()
    slow = -16 * np.mean(
        [
            (softmax(t / 4) * np.log(softmax(s / 4))).sum()
            for s, t in zip(scores, taught, strict=True)
        ]
    )
    assert found["distillation"].item() == pytest.approx(slow, rel=1e-3)
    rest = [n for n in task.weights if n != "distillation"]
    others = found["entropy"] + sum(task.weights[name] * found[name] for name in rest)
    assert found["loss"].item() == pytest.approx((others + 0.5 * slow).item(), rel=1e-3)
    found["loss"].backward()
    assert task.terms.teacher is not None
    for each in task.terms.teacher.network.parameters():
        assert each.grad is None


def test_modules_learn_at_their_own_rate(make: Any) -> None:
    network = copy.deepcopy(make("plain").module())
    places = tuple(find_places(network))
    insert(network, Layout(places=places))
    params = DecouplingParams(epochs=4, rate=0.01, control_rate=0.3, drops=(0.5,)).scheduled()
    task = DecouplingTask(network, 3, params)
    for epoch, fall in ((0, 1), (2, 0.1)):
        task.begin(epoch)
        groups = task.optimizers["all"].param_groups
        assert [each["lr"] for each in groups] == pytest.approx([0.01 * fall, 0.3 * fall])
    gates = [each.control.expand for each in controlled(network).values()]
    assert {id(p) for p in groups[1]["params"]} == {id(p) for e in gates for p in e.parameters()}
    count = sum(len(each["params"]) for each in groups)
    assert count == len(list(task.terms.parameters()))
