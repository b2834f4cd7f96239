"""Tracing: where each layer's output stands, and values that depend on the batch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from interp_torch.cut import GraphCut
from interp_torch.graph import Graph, trace_exported, trace_symbolic
from interp_torch.split import grow


def trace(module: nn.Module, inputs: Tensor) -> Graph | None:
    """The graph as the adapter looks for it."""
    return trace_symbolic(module, inputs) or trace_exported(module, inputs)


class Small(nn.Module):
    """A convolution, whatever `middle` is, and a classifier."""

    def __init__(self, middle: nn.Module) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.middle = middle
        self.head = nn.Linear(4, 5)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.middle(self.stem(image)).mean((2, 3)))


class HandsOn(nn.Module):
    """Returns what it was given and is skipped by its input as well."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = Nothing()

    def forward(self, hidden: Tensor) -> Tensor:
        return self.nothing(hidden) * 2 + hidden


class Nothing(nn.Module):
    def forward(self, hidden: Tensor) -> Tensor:
        return hidden


class AltersAfterwards(nn.Module):
    """Makes its output, then alters it, and returns it under its first name."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(4, 4, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        made = self.convolution(hidden)
        made.relu_()
        return made


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU()
        self.inner = nn.Conv2d(4, 4, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.act(self.inner(self.act(hidden)))


class Reshapes(nn.Module):
    """Windows of the image as a longer batch, and sizes as plain numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Tanh()
        self.after = nn.ReLU()

    def forward(self, hidden: Tensor) -> Tensor:
        number, channels, height, width = hidden.shape
        windows = hidden.reshape(number, channels, 2, height // 2, width).permute(0, 2, 1, 3, 4)
        flat = windows.reshape(number * 2, channels, height // 2, width)
        gate = self.act(hidden.mean((2, 3), keepdim=True))
        back = flat.reshape(number, 2, channels, height // 2, width).permute(0, 2, 1, 3, 4)
        return self.after(back.reshape(number, channels, height, width) * gate)


class Branches(nn.Module):
    """Control flow on a size: beyond torch.fx, not beyond torch.export."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Tanh()

    def forward(self, hidden: Tensor) -> Tensor:
        known = hidden.shape[1] == 4 and hidden.dtype.is_floating_point
        return self.act(hidden) if known else hidden


class FullPrecision(nn.Module):
    """A part that is run in float32 whatever is around it, in a module for torch.export only."""

    def __init__(self) -> None:
        super().__init__()
        self.branches, self.inside = Branches(), nn.Hardswish()

    def forward(self, hidden: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            scaled = self.inside(hidden.float()) * 2
            both = scaled + hidden
        return self.branches(both) * scaled


def check(model, layer: str) -> None:
    """The cut's answer to two altered activations of one image, against a hook's."""
    image = torch.rand(1, 3, 16, 16)
    cut = model.cut(layer)
    assert isinstance(cut, GraphCut)
    frontier = cut.prefix(image)
    activation = torch.randn(2, *frontier.activation.shape[1:])
    module = model.module().eval()
    handle = module.get_submodule(layer).register_forward_hook(lambda *_: activation.clone())
    with torch.no_grad():
        expected = module(model.network.encode(image.expand(2, -1, -1, -1)))
    handle.remove()
    torch.testing.assert_close(cut.suffix(frontier, activation), expected)
    torch.testing.assert_close(cut.suffix(frontier, frontier.activation), model.predict(image))
    torch.testing.assert_close(model.activations(image, [layer])[layer], frontier.activation)


@pytest.mark.parametrize(
    "middle", [HandsOn, AltersAfterwards, Twice, Reshapes, Branches, FullPrecision]
)
def test_every_layer_of_odd_modules(open_on_cpu, middle: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = open_on_cpu(Small(middle()))
    names = [layer.name for layer in model.layers()]
    assert {"stem", "middle", "head"} <= set(names)
    for name in names:
        check(model, name)


def test_a_part_in_full_precision_is_followed_without_decomposing(open_on_cpu, monkeypatch) -> None:
    """Decomposing takes seconds, and loses layers that are several operations then."""
    monkeypatch.setattr(torch.export.ExportedProgram, "run_decompositions", None)
    model = open_on_cpu(Small(FullPrecision()))
    assert {"middle.inside", "middle.branches.act"} <= {each.name for each in model.layers()}
    assert model.layer("middle.inside").cut == "graph"


def test_layers_called_twice_are_not_listed(open_on_cpu) -> None:
    names = [layer.name for layer in open_on_cpu(Small(Twice())).layers()]
    assert names == ["stem", "middle.inner", "middle", "head"]


def test_a_trace_that_answers_differently_is_refused() -> None:
    class Remembers(nn.Module):
        """Counts its calls: a trace would freeze the count."""

        calls = 0

        def forward(self, image: Tensor) -> Tensor:
            self.calls += 1
            return image.mean((2, 3)) * self.calls

    assert trace(Small(Remembers()).eval(), torch.rand(2, 3, 8, 8)) is None


def test_a_failed_trace_leaves_nothing_in_the_module() -> None:
    class Keeps(nn.Module):
        """Remembers what it saw last, and then decides by its value."""

        last = None

        def forward(self, hidden: Tensor) -> Tensor:
            self.last = hidden * 2
            return self.last if float(hidden.mean()) > 0 else hidden

    module = Small(Keeps()).eval()
    assert trace(module, torch.rand(2, 3, 8, 8)) is None
    assert module.middle.last is None


def test_values_grow_with_the_batch() -> None:
    meta = torch.empty
    two, three = meta(2, 1, 5, device="meta"), meta(3, 1, 5, device="meta")
    value = torch.rand(1, 1, 5)
    assert torch.equal(grow(value, two, three, 4), value.expand(4, 1, 5))
    two, three = meta(8, 5, device="meta"), meta(12, 5, device="meta")
    value = torch.rand(4, 5)
    assert torch.equal(grow(value, two, three, 3), torch.cat([value] * 3))
    assert grow(value, value, value, 3) is value
    assert grow(7, 14, 21, 5) == 35
    assert grow(3, 4, 5, 6) == 8
    assert grow(True, True, True, 6) is True
    assert grow(torch.Size([1, 9]), (2, 9), (3, 9), 6) == torch.Size([6, 9])
