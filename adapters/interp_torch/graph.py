"""A model as a graph of operations, with the place of each layer's output in it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, wraps
from threading import Lock, get_ident
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx import _symbolic_trace

from interp.errors import ModelError
from interp.network.scores import close
from interp_torch.hooks import restore_attributes
from interp_torch.live import twin
from interp_torch.packed import Packs

EXACT = 1e-5
"""How far a graph's scores may be from its module's, relative to the largest score."""


@dataclass(frozen=True, eq=False)
class Place:
    """A layer's place in the graph: the node of its output, and the last node of its own work.

    The two differ where a layer alters its output in place after computing it.
    """

    node: fx.Node
    last: fx.Node
    kind: str


@dataclass(frozen=True, eq=False)
class Graph:
    """A traced module, sharing its parameters, and its layers in the order of execution."""

    module: fx.GraphModule
    places: dict[str, Place] = field(default_factory=dict)
    packs: Packs = field(default_factory=dict)

    @cached_property
    def outline(self) -> str:
        """Its operations, and the parts that they call with their settings, without weights."""
        return f"{self.module}{self.module.graph}"


Recall = Callable[[Graph, Callable[[], bool]], bool]
"""What the check of a graph finds, or found before for the same one."""


def check_again(_: Graph, check: Callable[[], bool]) -> bool:
    """Recall nothing."""
    return check()


AUTOCAST = torch.ops.higher_order.wrap_with_autocast
TALKING = ("torch.fx.experimental.symbolic_shapes", "torch.export", "torch.export._trace")
"""Loggers of torch.export that warn of what it cannot follow."""


def same(value: Any) -> Any:
    """The value itself: the node of a layer that returns its input unchanged."""
    return value


def last_node(graph: fx.Graph) -> fx.Node:
    """The last node of a graph: its output, once tracing has ended."""
    return next(iter(reversed(graph.nodes)))


TRACING = Lock()
"""Held while a module is traced: torch.fx changes nn.Module for the whole process meanwhile."""


@contextmanager
def own_thread_only() -> Iterator[None]:
    """Let what torch.fx changes of nn.Module within the block concern this thread only.

    The lock is held meanwhile, since what torch.fx makes its changes with is changed for all.
    """
    own = get_ident()
    patcher: Any = _symbolic_trace._Patcher
    patch_method = patcher.patch_method

    def patched(self: Any, cls: type, name: str, new: Any, deduplicate: bool = True) -> None:
        before = getattr(cls, name)

        def chosen(*args: Any, **kwargs: Any) -> Any:
            return (new if get_ident() == own else before)(*args, **kwargs)

        patch_method(self, cls, name, wraps(new)(chosen), deduplicate)

    with TRACING:
        patcher.patch_method = patched
        try:
            yield
        finally:
            patcher.patch_method = patch_method


@contextmanager
def _silently() -> Iterator[None]:
    """Let torch.export say nothing in this thread of modules that it cannot follow."""
    from torch.export import _trace

    own = get_ident()
    loggers = [logging.getLogger(each) for each in TALKING]

    def from_others(record: logging.LogRecord) -> bool:
        return record.thread != own

    for each in loggers:
        each.addFilter(from_others)
    _trace.print = lambda *_, **__: None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del _trace.print  # type: ignore[attr-defined]
        for each in loggers:
            each.removeFilter(from_others)


class LayerTracer(fx.Tracer):
    """Records the node that computes the output of each module, leaf or container."""

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[str, Place] = {}
        self.calls: Counter[str] = Counter()

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        """Trace a module's call, and record its output if that is one value."""
        name = self.path_of_module(m)
        output = super().call_module(m, forward, args, kwargs)
        self.calls[name] += 1
        if not isinstance(output, fx.Proxy):
            return output
        if any(isinstance(each, fx.Proxy) and each.node is output.node for each in args):
            output = self.create_proxy("call_function", same, (output,), {})
        last = last_node(self.graph)
        self.places[name] = Place(output.node, last, type(m).__name__)
        return output


def trace_symbolic(module: nn.Module, inputs: Tensor, recall: Recall = check_again) -> Graph | None:
    """The module as a graph by torch.fx, which is fast; None where that is not exact.

    The module is in evaluation mode; `inputs` (2, 3, h, w). The graph is that of a twin, whose
    flags and attributes no other thread sees, where Python can copy the module.
    """
    return _exact(_trace_symbolic, module, inputs, inputs, recall)


def trace_exported(module: nn.Module, inputs: Tensor, recall: Recall = check_again) -> Graph | None:
    """The same by torch.export, which may take a minute; exact on another number of images, too."""
    tried = torch.cat([inputs, inputs.flip(0)[:1] * 0.5])
    return _exact(_trace_export, module, inputs, tried, recall)


def _exact(
    attempt: Callable[[nn.Module, Tensor], Graph],
    module: nn.Module,
    inputs: Tensor,
    tried: Tensor,
    recall: Recall,
) -> Graph | None:
    """The graph of an attempt, where it succeeds and gives the module's scores of the tried."""

    def is_exact() -> bool:
        with torch.no_grad():
            return close(graph.module(tried), module(tried), EXACT)

    try:
        own = twin(module)
    except ModelError:
        own = module
    try:
        with own_thread_only(), restore_attributes(own):
            graph = attempt(own, inputs)
        return graph if graph.places and recall(graph, is_exact) else None
    except Exception:  # tracers raise errors of every kind
        return None


def _trace_symbolic(module: nn.Module, _: Tensor) -> Graph:
    tracer = LayerTracer()
    traced = tracer.trace(module)
    once = {name: place for name, place in tracer.places.items() if tracer.calls[name] == 1}
    return Graph(fx.GraphModule(module, traced), once)


def _trace_export(module: nn.Module, inputs: Tensor) -> Graph:
    batch = torch.export.Dim.DYNAMIC
    with _silently():
        program = torch.export.export(module, (inputs,), dynamic_shapes=({0: batch},))
    names = {name for name, _ in module.named_modules()}
    graph = as_graph(_module(program, _wraps))
    return Graph(graph.module, {n: p for n, p in graph.places.items() if n in names})


def from_program(program: torch.export.ExportedProgram) -> Graph:
    """The graph of an exported program, decomposed where an operation works in place."""
    return as_graph(_module(program, lambda target: _alters(target) or _wraps(target)))


def _module(
    program: torch.export.ExportedProgram, unwanted: Callable[[Any], bool]
) -> fx.GraphModule:
    """The program's module, decomposed if it holds an operation that is not wanted."""
    module = program.module()
    _inline_full_precision(module)
    if any(unwanted(node.target) for node in module.graph.nodes):
        module = program.run_decompositions({}).module()
    return module


def _inline_full_precision(module: fx.GraphModule) -> None:
    """Put operations that a forward runs with autocast switched off where it runs them.

    They are a graph of their own until then; decomposing the program for them takes seconds.
    """
    graph = module.graph
    for node in graph.find_nodes(op="call_function", target=AUTOCAST):
        _, _, enabled, _, part, *given = node.args
        inner: fx.Graph = getattr(module, part.target).graph
        if enabled or inner.find_nodes(op="get_attr"):
            continue
        places: Any = dict(zip(inner.find_nodes(op="placeholder"), given, strict=True))
        with graph.inserting_before(node):
            outputs: Any = graph.graph_copy(inner, places)
        for item in list(node.users):
            item.replace_all_uses_with(outputs[item.args[1]])
            graph.erase_node(item)
        graph.erase_node(node)


def _alters(target: Any) -> bool:
    """Whether an operation alters one of its inputs."""
    return isinstance(target, torch._ops.OpOverload) and target._schema.is_mutable


def _wraps(target: Any) -> bool:
    """Whether an operation runs a graph of its own, as autocast in a forward does."""
    return isinstance(target, torch._ops.HigherOrderOperator)


def as_graph(module: fx.GraphModule) -> Graph:
    """The graph of an exported program's module, which is changed: one tensor in, one out."""
    graph = module.graph
    graph.set_codegen(fx.graph.CodeGen())  # one tensor in and out, without nested structures
    output = last_node(graph)
    if isinstance(output.args[0], (tuple, list)) and len(output.args[0]) == 1:
        output.args = (output.args[0][0],)
    for node in graph.nodes:  # what was a view in the traced memory layout may be none in another
        if node.target is torch.ops.aten.view.default:
            node.target = torch.ops.aten.reshape.default
    graph.eliminate_dead_code()
    module.recompile()
    return Graph(module, _exported_places(graph))


def _exported_places(graph: fx.Graph) -> dict[str, Place]:
    """The one node of each module that others use; modules with several are left out."""
    inside: dict[str, dict[fx.Node, str]] = {}
    for node in graph.nodes:
        for path, kind in node.meta.get("nn_module_stack", {}).values():
            if path and "@" not in path and node.op != "get_attr":
                inside.setdefault(path, {})[node] = str(kind).rpartition(".")[2].strip("'>")
    places = {}
    for path, nodes in inside.items():
        used = [node for node in nodes if any(user not in nodes for user in node.users)]
        if len(used) == 1:
            places[path] = Place(used[0], used[0], nodes[used[0]])
    order = {node: index for index, node in enumerate(graph.nodes)}
    return dict(sorted(places.items(), key=lambda each: (order[each[1].node], -each[0].count("."))))
