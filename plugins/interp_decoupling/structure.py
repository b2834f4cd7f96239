"""Which convolutions of a network can be controlled, found on its graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import fx, nn

from interp.errors import InputError, UnsupportedError, nearest
from interp_decoupling.control import controlled

RELU = {"relu", "relu_"}
SILENT = {*RELU, "leaky_relu", "silu", "gelu", "hardswish", "max_pool2d", "avg_pool2d",
          "adaptive_avg_pool2d", "adaptive_max_pool2d", "dropout", "dropout2d"}  # fmt: skip
"""Functions that treat channels one by one and leave zeros alone."""
QUIET = (nn.ReLU, nn.LeakyReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish, nn.MaxPool2d,
         nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Dropout, nn.Dropout2d,
         nn.Identity)  # fmt: skip
"""Modules that do so."""


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
    """Every convolution but the stem, grouped ones and one that answers; or those wanted.

    UnsupportedError for a network whose graph cannot be traced, or that has none.
    """
    if controlled(network):
        raise InputError(
            "the model has controlling modules already; name the plain one it was made of"
        )
    found = Survey(network, _trace(network)).places()
    names = [each.name for each in found]
    for each in wanted:
        if each not in names:
            raise InputError(f"{each!r} cannot be controlled; {nearest(each, names)}")
    kept = [each for each in found if not wanted or each.name in wanted]
    if not kept:
        raise UnsupportedError(
            "found no convolution to control; expected one or more beside the stem, not grouped, "
            "before the layer that answers the classes"
        )
    return [_fed_by(each, {other.name for other in kept}) for each in kept]


def _fed_by(place: Place, kept: set[str]) -> Place:
    """The place without inputs that are not controlled after all."""
    known = place.fed if kept.issuperset(place.fed) else ()
    return Place(place.name, place.norm, place.rectified, known)


@dataclass(frozen=True, eq=False)
class Survey:
    """A network and its graph."""

    network: nn.Module
    graph: fx.Graph
    ends: dict[fx.Node, str] = field(default_factory=dict)
    """The node that is gated, for each controlled convolution met so far."""

    def places(self) -> list[Place]:
        """In the order of execution."""
        found = []
        for node in self.graph.nodes:
            part = self._part(node)
            if not isinstance(part, nn.Conv2d) or node not in self._inner or part.groups != 1:
                continue
            follower = _only(node.users)
            normed = follower is not None and _is_norm(self._part(follower))
            end = follower if normed and follower is not None else node
            norm = str(follower.target) if normed and follower is not None else None
            rectified = bool(end.users) and all(self._is_relu(each) for each in end.users)
            found.append(Place(str(node.target), norm, rectified, self._fed(node.args[0])))
            self.ends[end] = str(node.target)
        return found

    @cached_property
    def _inner(self) -> set[fx.Node]:
        """Convolutions with another before them, and another or a linear layer after them."""
        convolutions = {n for n in self.graph.nodes if isinstance(self._part(n), nn.Conv2d)}
        answering = {n for n in self.graph.nodes if self._is_linear(n)}
        after = _reached(self.graph.nodes, convolutions, lambda n: n.all_input_nodes)
        before = _reached(reversed(self.graph.nodes), convolutions | answering, lambda n: n.users)
        return convolutions & after & before

    def _fed(self, node: object) -> tuple[str, ...]:
        """The controlled convolutions whose gated maps a node hands on, channel by channel."""
        if not isinstance(node, fx.Node):
            return ()
        if node in self.ends:
            return (self.ends[node],)
        if node.op != "placeholder" and self._is_silent(node):
            return self._fed(node.args[0])
        if _named(node) in ("cat", "concat") and _axis(node) == 1:
            parts = [self._fed(each) for each in node.args[0]]  # type: ignore[union-attr]
            return sum(parts, ()) if all(parts) else ()
        return ()

    def _part(self, node: fx.Node) -> nn.Module | None:
        """The module a node calls, if nobody else calls it."""
        if node.op != "call_module" or self._calls[str(node.target)] > 1:
            return None
        return self.network.get_submodule(str(node.target))

    @cached_property
    def _calls(self) -> Counter[str]:
        return Counter(str(n.target) for n in self.graph.nodes if n.op == "call_module")

    def _called(self, node: fx.Node) -> nn.Module | None:
        """The module a node calls, whoever else does."""
        named = node.op == "call_module"
        return self.network.get_submodule(str(node.target)) if named else None

    def _is_relu(self, node: fx.Node) -> bool:
        return isinstance(self._called(node), nn.ReLU) or _named(node) in RELU

    def _is_silent(self, node: fx.Node) -> bool:
        return isinstance(self._called(node), QUIET) or _named(node) in SILENT

    def _is_linear(self, node: fx.Node) -> bool:
        return isinstance(self._called(node), nn.Linear) or _named(node) == "linear"


def _trace(network: nn.Module) -> fx.Graph:
    try:
        return fx.Tracer().trace(network)
    except Exception as error:  # the model's own code: anything can happen
        raise UnsupportedError(
            f"{type(network).__name__} cannot be traced by torch.fx ({error}); controlling modules "
            "need a network without branches that depend on the image"
        ) from error


def _reached(nodes: Iterable[fx.Node], sources: set[fx.Node], back: object) -> set[fx.Node]:
    """The nodes that come after a source, in the order of `nodes`; back(n): those before n."""
    found: set[fx.Node] = set()
    for node in nodes:
        if any(each in sources or each in found for each in back(node)):  # type: ignore[operator]
            found.add(node)
    return found


def _is_norm(part: nn.Module | None) -> bool:
    """A batch norm that does the same to every image in evaluation."""
    return isinstance(part, nn.BatchNorm2d) and part.running_mean is not None


def _named(node: fx.Node) -> str:
    """The name of a function or method that a node calls; "" for another node."""
    if node.op == "call_method":
        return str(node.target)
    return getattr(node.target, "__name__", "") if node.op == "call_function" else ""


def _axis(node: fx.Node) -> object:
    return node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)


def _only(nodes: Iterable[fx.Node]) -> fx.Node | None:
    listed = list(nodes)
    return listed[0] if len(listed) == 1 else None
