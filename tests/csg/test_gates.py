"""Gates: the projection against loops, density, what moves them, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from interp_csg.gates import Gated, Gates
from interp_csg.metric.measure import density, interval


def slowly_projected(values: np.ndarray) -> np.ndarray:
    """Each filter by itself: over its largest gate, then clipped; a dead one keeps its best."""
    found = values.copy()
    for k in range(values.shape[1]):
        largest = max(values[:, k])
        for c in range(len(values)):
            if largest > 0:
                found[c, k] = min(max(values[c, k] / largest, 0), 1)
            else:
                found[c, k] = float(c == list(values[:, k]).index(largest))
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [(2, 1), (3, 7), (10, 64)])
def test_projection(seed: int, shape: tuple[int, int]) -> None:
    values = np.random.default_rng(seed).normal(0.3, 0.5, shape).astype(np.float32)
    values[:, 0] = -np.abs(values[:, 0])  # a dead filter
    gates = Gates(*shape)
    gates.values.data = torch.from_numpy(values.copy())
    gates.project()
    found = gates.values.detach().numpy()
    np.testing.assert_allclose(found, slowly_projected(values), rtol=1e-6)
    assert (found.max(0) == 1).all() and found.min() >= 0
    assert 1 / shape[0] <= gates.density() * (1 + 1e-6) and gates.density() <= 1
    assert gates.density() == pytest.approx(density(found))


def test_zero_gates_survive_projection() -> None:
    gates = Gates(4, 3)
    gates.values.data.zero_()
    gates.project()
    assert gates.values.detach().max(0).values.tolist() == [1, 1, 1]


def test_interval() -> None:
    assert interval(6, 1.2) == pytest.approx((1 / 6, 0.2))
    assert interval(10, 1.0) == (0.1, 0.1)


def test_gates_multiply_each_image_s_maps_by_its_class_s_row(model) -> None:
    module = model.module().train()
    images, labels, values = torch.randn(5, 3, 12, 12), [0, 1, 2, 1, 0], torch.rand(3, 6)
    maps = module.last(module.first(images))
    slowly = [
        module.head((maps[b] * values[y][:, None, None]).mean((1, 2))) for b, y in enumerate(labels)
    ]
    found = Gated(module, "head").train()(images, values[labels])
    torch.testing.assert_close(found, torch.stack(slowly))


def test_no_gate_in_eval(model) -> None:
    images, closed = torch.randn(4, 3, 12, 12), torch.zeros(4, 6)
    network = Gated(model.module(), "head").eval()
    assert torch.equal(network(images, closed), model.module()(images))
    assert not model.module().head._forward_pre_hooks


def test_gradients_reach_only_the_batch_s_classes(model) -> None:
    network, gates = Gated(model.module(), "head").train(), Gates(3, 6)
    images, labels = torch.randn(4, 3, 12, 12), torch.tensor([0, 2, 2, 0])
    rows, hinge = gates(labels, limit=2.0)
    cross_entropy(network(images, rows), labels).backward(retain_graph=True)
    assert gates.values.grad is not None
    assert gates.values.grad[1].tolist() == [0] * 6
    assert (gates.values.grad[[0, 2]] != 0).any(1).all()
    gates.values.grad = None
    hinge.backward()
    assert hinge.item() == pytest.approx(3 * 6 * 0.5 - 2)
    assert torch.equal(gates.values.grad, torch.ones(3, 6))


def test_the_hinge_rests_below_its_limit() -> None:
    gates = Gates(3, 6)
    _, hinge = gates(torch.tensor([0]), limit=9.1)
    assert hinge.item() == 0
