"""Observing a forward pass: each layer's output, and how values depend on the batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from interp.network.layout import AXES, sketches
from interp.network.receptive_field import GridField
from interp_torch.graph import Graph
from interp_torch.hooks import output_hooks
from interp_torch.tracker import Tracker


@dataclass(frozen=True)
class LayerOutput:
    """Facts about a layer's output in one forward pass."""

    kind: str
    shape: tuple[int, ...]
    sight: GridField | None
    sketched: list[np.ndarray]
    work: int  # FLOPs up to here

    @property
    def told(self) -> bool:
        """Whether the operations tell its axes, so that nothing has to be measured."""
        return self.sight is not None or len(self.shape) not in AXES or self.shape[2:] == (1, 1)


@dataclass(frozen=True)
class Pass:
    """The layers' outputs in the order of execution, and the FLOPs of the whole pass."""

    layers: dict[str, LayerOutput]
    work: int
    batch: int


class Observer(fx.Interpreter):
    """Runs a graph and records each layer's output."""

    def __init__(self, graph: Graph, tracker: Tracker) -> None:
        super().__init__(graph.module, garbage_collect_values=False)
        self.tracker = tracker
        self.found: dict[str, LayerOutput] = {}
        self.ends: dict[fx.Node, list[str]] = {}
        self.places = graph.places
        for name, place in graph.places.items():
            self.ends.setdefault(place.last, []).append(name)

    def run_node(self, n: fx.Node) -> Any:
        """Run a node, and record the outputs of the layers that end with it."""
        value = super().run_node(n)
        for name in self.ends.get(n, []):
            place = self.places[name]
            output = value if place.node is n else self.env[place.node]
            if isinstance(output, Tensor):
                self.found[name] = _facts(place.kind, output, self.tracker)
        return value


def observe(module: nn.Module, graph: Graph | None, images: Tensor) -> Pass:
    """Run the module, or its graph, on (N, 3, h, w) and record what its layers put out.

    Of the images only two are run where operations tell all axes, as in convolutional networks.
    """
    convolutions = sum(isinstance(each, nn.Conv2d) for each in module.modules())
    if convolutions > 1 and len(images) > 2:
        few = observe(module, graph, images[:2])
        if all(each.told for each in few.layers.values()):
            return few
    tracker = Tracker(images)
    with torch.no_grad(), _unfused_attention(), tracker:
        if graph is None:
            found = _observe_modules(module, images, tracker)
        else:
            observer = Observer(graph, tracker)
            observer.run(images)
            found = observer.found
    return Pass(found, tracker.work, len(images))


def _observe_modules(module: nn.Module, images: Tensor, tracker: Tracker) -> dict[str, LayerOutput]:
    found: dict[str, LayerOutput] = {}
    repeated: set[str] = set()

    def record(name: str, each: nn.Module, output: object) -> None:
        repeated.update({name} & found.keys())
        if isinstance(output, Tensor):
            found[name] = _facts(type(each).__name__, output, tracker)

    with output_hooks({name: each for name, each in module.named_modules() if name}, record):
        module(images)
    return {name: output for name, output in found.items() if name not in repeated}


def _facts(kind: str, output: Tensor, tracker: Tracker) -> LayerOutput:
    sight, work = tracker.sight(output), tracker.work
    sketched = sketches(output, sight)
    tracker.work = work  # the sketch is no work of the model's
    return LayerOutput(kind, tuple(output.shape), sight, sketched, work)


@contextmanager
def _unfused_attention() -> Iterator[None]:
    """Attention as separate operations: FLOPs of the fused one are not counted."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class Recorder(fx.Interpreter):
    """Runs a graph and keeps the values of some nodes."""

    def __init__(self, module: fx.GraphModule, wanted: Iterable[fx.Node]) -> None:
        super().__init__(module)
        self.wanted = frozenset(wanted)
        self.values: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run a node, and keep its value if it is wanted."""
        value = super().run_node(n)
        if n in self.wanted:
            self.values[n] = value
        return value


class BatchObserver(fx.Interpreter):
    """Runs a graph and records every value's outline, and which nodes alter a tensor in place."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.outlines: dict[fx.Node, Any] = {}
        self.altering: set[fx.Node] = set()

    def run_node(self, n: fx.Node) -> Any:
        """Run a node, and compare its inputs' version counters before and after."""
        inputs = [self.env[each] for each in n.all_input_nodes]
        tensors = [each for each in inputs if isinstance(each, Tensor)]
        before = [each._version for each in tensors]
        value = super().run_node(n)
        if any(each._version != was for each, was in zip(tensors, before, strict=True)):
            self.altering.add(n)
        self.outlines[n] = outline(value)
        return value


def outline(value: Any) -> Any:
    """The value with every tensor replaced by one of the same shape without data."""
    if isinstance(value, Tensor):
        return value.to("meta")
    if isinstance(value, (tuple, list)):
        return tuple(outline(each) for each in value)
    return value
