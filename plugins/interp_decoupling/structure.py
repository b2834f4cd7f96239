"""Which convolutions of a network can be controlled, found on its graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from torch import fx, nn

from interp.errors import InputError, UnsupportedError, nearest
from interp_decoupling.control import controlled

RELU = {"relu", "relu_"}
LOCAL_FUNCTIONS = RELU | {
    "leaky_relu", "silu", "gelu", "hardswish", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d",
    "adaptive_max_pool2d", "dropout", "dropout2d",
}  # fmt: skip
"""Functions that treat channels one by one and leave zeros alone."""
LOCAL_MODULES = (nn.ReLU, nn.LeakyReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish, nn.MaxPool2d,
                   nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Dropout,
                   nn.Dropout2d, nn.Identity)  # fmt: skip
"""Modules that do the same."""


@dataclass(frozen=True)
class Place:
    """A convolution to control: its name, that of the batch norm after it, whether a ReLU follows.

    `fed` are the controlled convolutions whose filters are its input channels, one after another;
    empty where other channels come in too.
    """

    name: str
    norm: str | None
    rectified: bool
    fed: tuple[str, ...]


def find_places(network: nn.Module, wanted: Sequence[str] = ()) -> list[Place]:
    """Every convolution but the stem, grouped ones and one that gives the scores; or those wanted.

    UnsupportedError for a network that cannot be traced, or that has no such convolution.
    """
    if controlled(network):
        raise InputError(
            "the model has controlling modules already; name the plain one it was made of"
        )
    places = ConvolutionGraph(network, _trace(network)).places()
    names = [each.name for each in places]
    for each in wanted:
        if each not in names:
            raise InputError(f"{each!r} cannot be controlled; {nearest(each, names)}")
    chosen = set(wanted or names)
    if not chosen:
        raise UnsupportedError(
            "found no convolution to control; expected one or more beside the stem, not grouped, "
            "before the layer that answers the classes"
        )
    return [
        replace(each, fed=each.fed if chosen.issuperset(each.fed) else ())
        for each in places
        if each.name in chosen
    ]


@dataclass(frozen=True, eq=False)
class ConvolutionGraph:
    """A network and its graph."""

    network: nn.Module
    graph: fx.Graph
    ends: dict[fx.Node, str] = field(default_factory=dict)
    """The node whose output is gated, for each controlled convolution found so far."""

    def places(self) -> list[Place]:
        """Convolutions that can be controlled, in the order of execution."""
        found = []
        for node in self.graph.nodes:
            part = self._own_module(node)
            if not isinstance(part, nn.Conv2d) or node not in self._inner or part.groups != 1:
                continue
            end, norm = node, None
            if len(node.users) == 1 and _is_norm(self._own_module(next(iter(node.users)))):
                end = next(iter(node.users))
                norm = str(end.target)
            rectified = bool(end.users) and all(self._is(each, nn.ReLU, RELU) for each in end.users)
            found.append(Place(str(node.target), norm, rectified, self._fed(node.args[0])))
            self.ends[end] = str(node.target)
        return found

    @cached_property
    def _inner(self) -> set[fx.Node]:
        """Convolutions with another before them, and another or a linear layer after them."""
        nodes = self.graph.nodes
        convolutions = {n for n in nodes if isinstance(self._own_module(n), nn.Conv2d)}
        answering = {n for n in nodes if self._is(n, nn.Linear, {"linear"})}
        after = _reached(nodes, convolutions, lambda n: n.all_input_nodes)
        before = _reached(reversed(nodes), convolutions | answering, lambda n: n.users)
        return convolutions & after & before

    def _fed(self, node: object) -> tuple[str, ...]:
        """The controlled convolutions whose gated maps a node passes on, channel by channel."""
        if not isinstance(node, fx.Node):
            return ()
        if node in self.ends:
            return (self.ends[node],)
        if node.op != "placeholder" and self._is(node, LOCAL_MODULES, LOCAL_FUNCTIONS):
            return self._fed(node.args[0])
        axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        if _function(node) in ("cat", "concat") and axis == 1:
            parts = [self._fed(each) for each in node.args[0]]  # type: ignore[union-attr]
            return sum(parts, ()) if all(parts) else ()
        return ()

    def _module(self, node: fx.Node) -> nn.Module | None:
        """The module that a node calls."""
        called = node.op == "call_module"
        return self.network.get_submodule(str(node.target)) if called else None

    def _own_module(self, node: fx.Node) -> nn.Module | None:
        """The module that a node calls, if no other node does."""
        return self._module(node) if self._calls[node.target] == 1 else None

    @cached_property
    def _calls(self) -> Counter[object]:
        return Counter(n.target for n in self.graph.nodes if n.op == "call_module")

    def _is(
        self,
        node: fx.Node,
        kinds: type[nn.Module] | tuple[type[nn.Module], ...],
        functions: set[str],
    ) -> bool:
        """Whether a node calls a module of these kinds, or one of these functions."""
        return isinstance(self._module(node), kinds) or _function(node) in functions


def _trace(network: nn.Module) -> fx.Graph:
    try:
        return fx.Tracer().trace(network)
    except Exception as error:  # the model's own code: anything can happen
        raise UnsupportedError(
            f"{type(network).__name__} cannot be traced by torch.fx ({error}); controlling modules "
            "need a network without branches that depend on the image"
        ) from error


def _reached(
    nodes: Iterable[fx.Node],
    sources: set[fx.Node],
    previous: Callable[[fx.Node], Iterable[fx.Node]],
) -> set[fx.Node]:
    """The nodes that come after a source, in the order of `nodes`."""
    found: set[fx.Node] = set()
    for node in nodes:
        if any(each in sources or each in found for each in previous(node)):
            found.add(node)
    return found


def _is_norm(part: nn.Module | None) -> bool:
    """Whether it is a batch norm that does the same to every image in evaluation."""
    return isinstance(part, nn.BatchNorm2d) and part.running_mean is not None


def _function(node: fx.Node) -> str:
    """The name of a function or method that a node calls; "" for another node."""
    if node.op == "call_method":
        return str(node.target)
    return getattr(node.target, "__name__", "") if node.op == "call_function" else ""
