"""The user's module is left as it was, after success and after failure."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from interp.target import Target
from interp_torch.adapter import TorchAdapter


class Moody(nn.Module):
    """Fails when told to; partly in training, partly frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(4, 3)
        self.failing = False
        self.train()
        self.norm.eval()
        self.stem.weight.requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.act(self.norm(self.stem(image)))
        if self.failing:
            raise RuntimeError("moody")
        return self.fc(self.drop(hidden.mean((2, 3))))


def state(module: nn.Module) -> list[object]:
    """Everything a call might leave behind, weights included."""
    return [
        [(each.training, len(each._forward_hooks), set(vars(each))) for each in module.modules()],
        [(each.requires_grad, each.grad is None) for each in module.parameters()],
        getattr(module.act, "inplace", None),
        {name: each.tolist() for name, each in module.state_dict().items()},
    ]


def everything(model: TorchAdapter) -> list[Callable[[], object]]:
    images, targets = torch.rand(2, 3, 16, 16), [Target(1, "class 1")]

    def derive() -> object:
        cut = model.cut("norm")
        frontier = cut.prefix(images[:1])
        cut.suffix(frontier, frontier.activation)
        return cut.derivative(frontier, torch.ones_like(frontier.activation), targets, "prob")

    return [
        lambda: model.predict(images),
        model.layers,
        lambda: model.activations(images, ["stem", "act"]),
        lambda: model.gradient(images, targets),
        derive,
    ]


def test_after_success(open_on_cpu) -> None:
    module = Moody()
    before = state(module)
    model = open_on_cpu(module)
    for call in everything(model):
        call()
        assert state(module) == before
    with model.evaluating():
        assert model.module() is module


@pytest.mark.parametrize("index", range(5))
def test_after_failure(open_on_cpu, index: int) -> None:
    module = Moody()
    model = open_on_cpu(module)
    model.layers()
    model.cut("norm")
    model._cuts.clear()
    before = state(module)
    module.failing = True
    if index == 4:  # cuts by graph do not run the module's own code
        model.__dict__["_graph"] = None
    if index != 1:
        with pytest.raises(RuntimeError, match="moody"):
            everything(model)[index]()
    module.failing = False
    assert state(module) == before


def test_evaluation_mode_whatever_the_flags(open_on_cpu) -> None:
    module = Moody()
    model = open_on_cpu(module)
    images = torch.rand(2, 3, 16, 16)
    frozen = Moody().eval()
    frozen.load_state_dict(module.state_dict())
    expected = frozen(model.network.encode(images))
    torch.testing.assert_close(model.predict(images), expected)
    cut = model.cut("norm")
    frontier = cut.prefix(images)
    torch.testing.assert_close(cut.suffix(frontier, frontier.activation), expected)


def test_scores_may_enter_autograd(open_on_cpu) -> None:
    scores = open_on_cpu(Moody()).predict(torch.rand(2, 3, 16, 16))
    weight = torch.ones(3, requires_grad=True)
    (scores.mul_(2) * weight).sum().backward()
    assert weight.grad is not None


def test_another_precision_does_not_alter_a_live_module(open_on_cpu) -> None:
    module = Moody()
    before = state(module)
    exact = open_on_cpu(module)
    rounded = open_on_cpu(module, precision="bf16")
    images = torch.rand(2, 3, 16, 16)
    found = rounded.predict(images)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact.predict(images), rtol=0.05, atol=0.05)
    cut = rounded.cut("norm")
    frontier = cut.prefix(images[:1])
    slope = cut.derivative(frontier, torch.ones_like(frontier.activation), [Target(0, "a")], "prob")
    assert slope.isfinite().all()
    assert state(module) == before


def test_a_double_module_is_copied(open_on_cpu) -> None:
    module = Moody().double()
    model = open_on_cpu(module)
    assert model.predict(torch.rand(1, 3, 16, 16)).dtype == torch.float32
    assert next(module.parameters()).dtype == torch.float64
    assert model.module() is not module
