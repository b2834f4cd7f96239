"""Watching one forward pass: each layer's output, and how values change with the batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from interp.network.receptive_field import GridField
from interp_torch.evaluation import watching
from interp_torch.graph import Graph
from interp_torch.tracker import Tracker


@dataclass(frozen=True)
class Seen:
    """A layer's output as it came by."""

    kind: str
    shape: tuple[int, ...]
    sight: GridField | None
    work: int  # multiply-adds done up to here, times two


@dataclass(frozen=True)
class Pass:
    """What a forward pass showed: layers in the order of execution, and the whole work."""

    layers: dict[str, Seen]
    work: int


class Observer(fx.Interpreter):
    """Runs a graph and notes each layer's output."""

    def __init__(self, graph: Graph, tracker: Tracker) -> None:
        super().__init__(graph.module, garbage_collect_values=False)
        self.tracker = tracker
        self.found: dict[str, Seen] = {}
        self.ends: dict[fx.Node, list[str]] = {}
        self.places = graph.places
        for name, place in graph.places.items():
            self.ends.setdefault(place.last, []).append(name)

    def run_node(self, n: fx.Node) -> Any:
        """Run a node; look at the outputs of the layers that end with it."""
        value = super().run_node(n)
        for name in self.ends.get(n, []):
            place = self.places[name]
            output = value if place.node is n else self.env[place.node]
            if isinstance(output, Tensor):
                self.found[name] = _see(place.kind, output, self.tracker)
        return value


def observe(module: nn.Module, graph: Graph | None, images: Tensor) -> Pass:
    """Run the module, or its graph, on (2, 3, h, w) and tell what its layers put out."""
    tracker = Tracker(images)
    with torch.no_grad(), _slow_attention(), tracker:
        if graph is None:
            found = _observe_modules(module, images, tracker)
        else:
            observer = Observer(graph, tracker)
            observer.run(images)
            found = observer.found
    return Pass(found, tracker.work)


def _observe_modules(module: nn.Module, images: Tensor, tracker: Tracker) -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    repeated: set[str] = set()

    def note(name: str, each: nn.Module, output: object) -> None:
        repeated.update({name} & found.keys())
        if isinstance(output, Tensor):
            found[name] = _see(type(each).__name__, output, tracker)

    with watching({name: each for name, each in module.named_modules() if name}, note):
        module(images)
    return {name: seen for name, seen in found.items() if name not in repeated}


def _see(kind: str, output: Tensor, tracker: Tracker) -> Seen:
    return Seen(kind, tuple(output.shape), tracker.sight(output), tracker.work)


@contextmanager
def _slow_attention() -> Iterator[None]:
    """Attention in separate operations: the fused one hides its multiply-adds."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class Watcher(fx.Interpreter):
    """Runs a graph and keeps the outline of every value, and which nodes alter one in place."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.outlines: dict[fx.Node, Any] = {}
        self.altering: set[fx.Node] = set()

    def run_node(self, n: fx.Node) -> Any:
        """Run a node, comparing its inputs' versions before and after."""
        inputs = [self.env[each] for each in n.all_input_nodes]
        tensors = [each for each in inputs if isinstance(each, Tensor)]
        before = [each._version for each in tensors]
        value = super().run_node(n)
        if any(each._version != was for each, was in zip(tensors, before, strict=True)):
            self.altering.add(n)
        self.outlines[n] = outline(value)
        return value


def outline(value: Any) -> Any:
    """The value with every tensor replaced by an empty one of its shape."""
    if isinstance(value, Tensor):
        return value.to("meta")
    if isinstance(value, (tuple, list)):
        return tuple(outline(each) for each in value)
    return value
