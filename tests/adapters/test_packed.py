"""Packed convolutions answer as the graph that they were made of, also once its values change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn

from interp.opening.source import open_model
from interp.registry import Registry
from interp.spec import ModelOptions
from interp_torch.adapter import TorchAdapter
from interp_torch.packed import PackedGraph

EXACT = 1e-5

CONVOLUTIONS: dict[str, Callable[[], nn.Conv2d]] = {
    "plain": lambda: nn.Conv2d(6, 12, 3),
    "one by one": lambda: nn.Conv2d(6, 12, 1, bias=False),
    "strided": lambda: nn.Conv2d(6, 12, 3, stride=(2, 1), padding=(1, 0)),
    "grouped": lambda: nn.Conv2d(6, 12, 3, groups=3, bias=False),
    "by channel": lambda: nn.Conv2d(6, 6, 3, padding=1, groups=6),
    "dilated": lambda: nn.Conv2d(6, 12, 3, dilation=2),
}
FOLLOWERS: dict[str, Callable[[int], list[nn.Module]]] = {
    "nothing": lambda _: [],
    "norm": lambda width: [nn.BatchNorm2d(width)],
    "norm without scale": lambda width: [nn.BatchNorm2d(width, affine=False)],
    "norm, ReLU": lambda width: [nn.BatchNorm2d(width, eps=0.1), nn.ReLU()],
    "ReLU in place": lambda _: [nn.ReLU(inplace=True)],
    "ReLU6 in place": lambda width: [nn.BatchNorm2d(width), nn.ReLU6(inplace=True)],
    "hardtanh": lambda _: [nn.Hardtanh(-0.1, 0.2)],
    "SiLU": lambda width: [nn.BatchNorm2d(width), nn.SiLU(inplace=True)],
    "hardswish": lambda _: [nn.Hardswish()],
    "sigmoid": lambda _: [nn.Sigmoid()],
}


class Twice(nn.Module):
    """A convolution whose output is read before and after a ReLU that works in place."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.relu, self.second = nn.ReLU(inplace), nn.Conv2d(6, 4, 1)

    def forward(self, maps: Tensor) -> Tensor:
        found = self.norm(self.first(maps))
        return self.second(self.relu(found)) + found.mean((1, 2, 3), keepdim=True)


def filled(*parts: nn.Module) -> nn.Module:
    """The parts in a row, in evaluation mode, with norms that have seen something."""
    torch.manual_seed(0)
    module = nn.Sequential(*parts)
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.running_mean = torch.randn(each.num_features)
            each.running_var = torch.rand(each.num_features) + 0.5
            if each.affine:
                nn.init.normal_(each.weight)
                nn.init.normal_(each.bias)
    return module.eval()


def packed(module: nn.Module) -> PackedGraph:
    return PackedGraph.of(fx.symbolic_trace(module), {})


def exported(module: nn.Module) -> PackedGraph:
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(module, (maps(2),), dynamic_shapes=({0: batch},))
    return PackedGraph.of(program.module(), {})  # type: ignore[arg-type]


def maps(count: int) -> Tensor:
    return torch.randn(count, 6, 9, 8, generator=torch.Generator().manual_seed(count))


def answers(graph: Callable[[Tensor], Any], values: Tensor) -> Tensor:
    with torch.no_grad():
        found = graph(values.clone())
    return found[0] if isinstance(found, tuple) else found


def check(graph: PackedGraph, module: nn.Module, values: Tensor) -> None:
    expected = answers(module, values)
    assert torch.allclose(answers(graph, values), expected, rtol=EXACT, atol=EXACT)


@pytest.mark.parametrize("form", [packed, exported])
@pytest.mark.parametrize("follower", FOLLOWERS)
@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_the_same_answer(
    convolution: str, follower: str, form: Callable[[nn.Module], PackedGraph]
) -> None:
    first = CONVOLUTIONS[convolution]()
    module = filled(first, *FOLLOWERS[follower](first.out_channels))
    graph = form(module)
    assert len(graph.steps) == 1
    for values in (maps(2), maps(3).contiguous(memory_format=torch.channels_last), maps(1)):
        if len(values) > 1 or form is packed:
            check(graph, module, values)
    check(graph, module, maps(1).expand(4, -1, -1, -1))


@pytest.mark.parametrize("inplace", [False, True])
def test_an_output_that_is_read_twice(inplace: bool) -> None:
    module = filled(Twice(inplace))
    graph = packed(module)
    assert [each.step.activation.name for each in graph.steps] == ["none", "none"]
    check(graph, module, maps(2))


def test_no_images() -> None:
    module = filled(nn.Conv2d(6, 12, 3), nn.BatchNorm2d(12), nn.ReLU())
    assert answers(packed(module), maps(0)).shape == (0, 12, 7, 6)


@pytest.mark.parametrize(
    "kept",
    [
        nn.Conv2d(6, 12, 3, padding=1, padding_mode="circular"),
        nn.Conv2d(6, 12, 3, padding="same"),
        nn.utils.parametrizations.weight_norm(nn.Conv2d(6, 12, 3)),
    ],
    ids=["circular", "same", "parametrised"],
)
def test_what_is_not_packed(kept: nn.Module) -> None:
    assert packed(filled(kept)).steps == ()


def in_place(module: nn.Sequential) -> None:
    with torch.no_grad():
        module[0].weight.mul_(2)


def uncounted(module: nn.Sequential) -> None:
    """As moving averages of weights are swapped in: PyTorch does not count that."""
    module[0].weight.data.copy_(torch.randn_like(module[0].weight))


def uncounted_channel(module: nn.Sequential) -> None:
    module[0].weight.data[3] = 0


def norm(module: nn.Sequential) -> None:
    module[1].running_var.data.mul_(3)


def replaced(module: nn.Sequential) -> None:
    module[0].weight = nn.Parameter(torch.randn_like(module[0].weight))


def loaded(module: nn.Sequential) -> None:
    state = {key: torch.rand_like(each.float()) for key, each in module.state_dict().items()}
    module.load_state_dict(state)


@pytest.mark.parametrize("change", [in_place, uncounted, uncounted_channel, norm, replaced, loaded])
def test_values_that_change(change: Callable[[Any], None]) -> None:
    module = filled(nn.Conv2d(6, 12, 3), nn.BatchNorm2d(12), nn.ReLU())
    graph = packed(module)
    before = answers(graph, maps(2))
    change(module)
    check(graph, module, maps(2))
    assert not torch.allclose(answers(graph, maps(2)), before)


def test_parts_of_a_graph_share_values_and_both_see_a_change() -> None:
    module = filled(nn.Conv2d(6, 12, 3), nn.BatchNorm2d(12), nn.ReLU())
    traced, packs = fx.symbolic_trace(module), {}
    first, second = PackedGraph.of(traced, packs), PackedGraph.of(traced, packs)
    assert first.steps[0] is second.steps[0]
    check(first, module, maps(2))
    check(second, module, maps(2))
    in_place(module)  # type: ignore[arg-type]
    check(second, module, maps(2))
    check(first, module, maps(2))


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_hook_of_the_users_runs(part: int) -> None:
    module = filled(nn.Conv2d(6, 12, 3), nn.BatchNorm2d(12), nn.ReLU())
    graph = packed(module)
    before = answers(graph, maps(2))
    module[part].register_forward_hook(lambda *_: torch.zeros(2, 12, 7, 6))  # type: ignore[index]
    check(graph, module, maps(2))
    assert not torch.allclose(answers(graph, maps(2)), before)


def test_slopes_run_through_the_plain_graph() -> None:
    module = filled(nn.Conv2d(6, 12, 3), nn.BatchNorm2d(12), nn.ReLU())
    values = maps(2).requires_grad_()
    (slope,) = torch.autograd.grad(packed(module)(values).sum(), values)
    (expected,) = torch.autograd.grad(module(values).sum(), values)
    assert torch.equal(slope, expected)


class Classifier(nn.Module):
    """Four convolutions and a head."""

    def __init__(self) -> None:
        super().__init__()
        widths = ((3, 8), (8, 8), (8, 8), (8, 8))
        self.maps = nn.Sequential(*[filled(nn.Conv2d(*each, 3), nn.ReLU()) for each in widths])
        self.head = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.maps(images).mean((2, 3)))


def doubled(module: Classifier) -> None:
    module.maps[0][0].weight.data *= 2


def other_head(module: Classifier) -> None:
    module.head = nn.Linear(8, 4)


def other_tensor(module: Classifier) -> None:
    module.maps[1][0].weight = nn.Parameter(torch.randn(8, 8, 3, 3))


def hooked(module: Classifier) -> None:
    module.maps.register_forward_hook(lambda *values: values[-1] + 1)


def other_forward(module: Classifier) -> None:
    module.forward = lambda images: Classifier.forward(module, images) + 1  # type: ignore[method-assign]


CHANGES = [doubled, other_head, other_tensor, hooked, other_forward]


@pytest.mark.parametrize("change", CHANGES)
def test_many_images_follow_the_module(change: Callable[[Classifier], None]) -> None:
    module = Classifier().eval()
    model = open_model(module, ModelOptions(input={"size": (24, 24)}), Registry.load())
    images = torch.rand(5, 3, 24, 24)
    assert isinstance(model, TorchAdapter) and model._packed[0] is not None
    before = model.predict_many(images)
    assert torch.allclose(before, model.predict(images), rtol=EXACT, atol=EXACT)
    change(module)
    after = model.predict_many(images)
    assert torch.allclose(after, model.predict(images), rtol=EXACT, atol=EXACT)
    assert not torch.allclose(after, before)
