"""A graph split in two at a layer, and what crosses between the halves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from interp_torch.graph import Graph, Place
from interp_torch.observe import BatchObserver


@dataclass(frozen=True, eq=False)
class Batching:
    """How a graph's values depend on the batch, learned from a batch of two and one of three."""

    two: dict[fx.Node, Any]
    three: dict[fx.Node, Any]
    altering: set[fx.Node]
    """Nodes that alter a tensor in place."""


@dataclass(frozen=True, eq=False)
class Split:
    """prefix(x) -> (activation, live values); suffix(activation, *live values) -> scores."""

    prefix: fx.GraphModule
    suffix: fx.GraphModule
    outlines: tuple[tuple[Any, Any], ...]
    """Each live value's outline at batch two and three."""
    altering: bool
    """Whether the suffix works in place and so needs copies."""


def learn_batching(graph: Graph, inputs: Tensor) -> Batching:
    """Run the graph on the two images (2, 3, h, w), and on three."""
    two, three = BatchObserver(graph.module), BatchObserver(graph.module)
    with torch.no_grad():
        two.run(inputs)
        three.run(torch.cat([inputs, inputs[:1]]))
    return Batching(two.outlines, three.outlines, two.altering)


def split(graph: Graph, place: Place, batching: Batching) -> Split:
    """Split the graph, in the order of its nodes, after the layer's last one."""
    nodes = list(graph.module.graph.nodes)
    stop = nodes.index(place.last) + 1
    head, tail = nodes[:stop], nodes[stop:]
    later = set(tail)
    live = [
        node
        for node in head
        if node is not place.node and node.op != "get_attr" and not later.isdisjoint(node.users)
    ]
    constants = [node for node in head if node.op == "get_attr"]
    prefix = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in head:
        copies[node] = prefix.node_copy(node, copies.__getitem__)
    prefix.output((copies[place.node], tuple(copies[node] for node in live)))
    return Split(
        fx.GraphModule(graph.module, prefix),
        _suffix(graph.module, constants, tail, [place.node, *live]),
        tuple((batching.two[node], batching.three[node]) for node in live),
        not later.isdisjoint(batching.altering),
    )


def _suffix(
    root: fx.GraphModule, constants: list[fx.Node], tail: list[fx.Node], crossing: list[fx.Node]
) -> fx.GraphModule:
    graph = fx.Graph()
    copies = {node: graph.placeholder(f"crossing_{index}") for index, node in enumerate(crossing)}
    for node in [*constants, *tail]:
        if node not in copies:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    for node in constants:
        if node not in crossing and not copies[node].users:
            graph.erase_node(copies[node])
    return fx.GraphModule(root, graph)


def grow(value: Any, two: Any, three: Any, batch: int) -> Any:
    """`value`, made from one image, as it would be for `batch` images.

    `two` and `three` are its outlines at those batch sizes.
    """
    if isinstance(value, Tensor):
        return _grow_tensor(value, two.shape, three.shape, batch)
    if isinstance(value, (tuple, list)):
        rules = zip(value, two, three, strict=True)
        return type(value)([grow(each, a, b, batch) for each, a, b in rules])
    if isinstance(value, int) and not isinstance(value, bool):
        return two + (three - two) * (batch - 2)
    return value


def _grow_tensor(value: Tensor, two: torch.Size, three: torch.Size, batch: int) -> Tensor:
    """Repeated along the one axis that follows the batch; the batch is its outer factor."""
    axes = [axis for axis, (a, b) in enumerate(zip(two, three, strict=True)) if a != b]
    if not axes or batch == 1:
        return value
    first = axes[0]
    if value.shape[first] == 1:
        return value.expand([batch if axis == first else -1 for axis in range(value.dim())])
    return value.repeat([batch if axis == first else 1 for axis in range(value.dim())])


def select(graph: Graph, places: list[Place]) -> fx.GraphModule:
    """A graph that returns the outputs at the places, copied before later nodes alter them."""
    picked = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    kept: dict[Place, fx.Node] = {}
    for node in graph.module.graph.nodes:
        if node.op == "output":
            break
        copies[node] = picked.node_copy(node, copies.__getitem__)
        for place in places:
            if place.last is node:
                kept[place] = picked.call_method("clone", (copies[place.node],))
        if len(kept) == len(places):
            break
    picked.output(tuple(kept[place] for place in places))
    return fx.GraphModule(graph.module, picked)
