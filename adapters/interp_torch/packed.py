"""Convolutions of a graph as oneDNN computes them fastest on a CPU, without autograd.

Their weights are laid out once for the processor's vectors, which PyTorch otherwise does in every
call, and hold the batch norm that follows; an activation is applied as the sums are made.
`benchmarks/packed.py` measures what that saves.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.module import _has_any_global_hook

from interp.network.weight_state import WeightGroup
from interp_torch.hooks import as_its_class

ATEN = torch.ops.aten
CONVOLUTIONS = (ATEN.conv2d.default, torch.conv2d)
NORMS = (ATEN.batch_norm.default,)
RELUS = (
    *(ATEN.relu.default, ATEN.relu_.default),
    *(torch.relu, torch.relu_, nn.functional.relu),
    *("relu", "relu_"),  # methods of a tensor
)
CLIPS = (ATEN.hardtanh.default, ATEN.hardtanh_.default)
SWISHES = (ATEN.silu.default, ATEN.silu_.default, nn.functional.silu)
HARD_SWISHES = (ATEN.hardswish.default, ATEN.hardswish_.default, nn.functional.hardswish)
KINDS: dict[type[nn.Module], str] = {
    nn.ReLU: "relu",
    nn.SiLU: "swish",
    nn.Hardswish: "hardswish",
}
IMAGES = 4
"""Weights are laid out for so many; one image and sixteen are as fast with these as with theirs."""


class Activation(NamedTuple):
    """What oneDNN applies to each sum: the name it has there, and its bounds."""

    name: str = "none"
    bounds: tuple[float, ...] = ()


class Setting(NamedTuple):
    """How a convolution moves over its maps."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int


class Tensors(NamedTuple):
    """Tensors of a convolution and of the batch norm behind it; None where there is none."""

    weight: Tensor
    bias: Tensor | None
    scale: Tensor | None = None
    shift: Tensor | None = None
    mean: Tensor | None = None
    variance: Tensor | None = None


class Step(NamedTuple):
    """A convolution of a graph, with the batch norm behind it and an activation."""

    tensors: tuple[str | None, ...]
    """Where in the graph's module the Tensors are."""
    modules: tuple[str, ...]
    setting: Setting
    eps: float = 0.0
    activation: Activation = Activation()


class PackedConvolution(nn.Module):
    """One step of a graph, on weights that are laid out when it first meets maps."""

    def __init__(self, step: Step, root: nn.Module) -> None:
        super().__init__()
        self.step = step
        self.parts = [root.get_submodule(each) for each in step.modules]
        self.owners = [None if each is None else _owner(root, each) for each in step.tensors]
        self.tensors: Tensors | None = None
        self._packed: tuple[Tensor, Tensor | None] | None = None

    def current(self) -> Tensors:
        """The tensors now."""
        found: list[Any] = [each and getattr(*each) for each in self.owners]
        return Tensors(*found)

    def take(self, tensors: Tensors) -> None:
        """Compute with these values from now on."""
        self.tensors, self._packed = tensors, None

    def forward(self, maps: Tensor) -> Tensor:
        """The step on maps (N, C, h, w)."""
        if self._packed is None:
            self._packed = self._pack([IMAGES, *maps.shape[1:]])
        stride, padding, dilation, groups = self.step.setting
        how = (padding, stride, dilation, groups, *self.step.activation, "")
        found: Tensor = torch.ops.mkldnn._convolution_pointwise(maps, *self._packed, *how)
        return found

    def _pack(self, maps: list[int]) -> tuple[Tensor, Tensor | None]:
        """Weight and bias with the batch norm in them, the weight laid out for such maps."""
        assert self.tensors is not None  # noqa: S101 - taken before the graph runs
        weight, bias, scale, shift, mean, variance = self.tensors
        if mean is not None and variance is not None:
            factor = (variance + self.step.eps).rsqrt()
            factor = factor if scale is None else factor * scale
            weight = weight * factor.view(-1, 1, 1, 1)
            bias = factor * ((0 if bias is None else bias) - mean)
            bias = bias if shift is None else bias + shift
        stride, padding, dilation, groups = self.step.setting
        reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight  # its stub lacks the maps
        plain = weight.detach().contiguous().to_mkldnn()
        laid_out = reorder(plain, padding, stride, dilation, groups, maps)
        return laid_out, None if bias is None else bias.detach().clone()


Packs = dict[Step, PackedConvolution]
"""The packed convolutions of a graph, shared by its parts, so that weights are held once more."""


@dataclass(eq=False)
class PackedGraph:
    """A part of a graph, and the same with packed convolutions, for answers without autograd."""

    plain: fx.GraphModule
    fused: fx.GraphModule
    steps: tuple[PackedConvolution, ...]
    _groups: list[WeightGroup] = field(default_factory=list)
    """The values that were packed."""

    @classmethod
    def of(cls, plain: fx.GraphModule, packs: Packs) -> PackedGraph:
        """The graph with all packed convolutions that it allows."""
        copied = fx.Graph()
        copied.output(copied.graph_copy(plain.graph, {}))
        fused = fx.GraphModule(plain, copied)
        steps = []
        for node in list(copied.nodes):
            step, chain = _step(plain, node)
            if step is not None:
                steps.append(packs.setdefault(step, PackedConvolution(step, plain)))
                _replace(fused, chain, f"packed_{len(steps)}", steps[-1])
        fused.delete_all_unused_submodules()
        fused.recompile()
        return cls(plain, fused, tuple(steps))

    def __call__(self, *values: Any) -> Any:
        """What the plain graph answers, by the fused one where nothing is recorded."""
        fused = self.steps and not torch.is_grad_enabled() and self._ready()
        return (self.fused if fused else self.plain)(*values)

    def _ready(self) -> bool:
        """Whether the fused graph answers the same now; values that have changed are taken up."""
        if _has_any_global_hook() or not all(map(as_its_class, self.parts)):
            return False
        found = [each.current() for each in self.steps]
        held = [tensor for each in found for tensor in each if tensor is not None]
        if any(each.dtype != torch.float32 or each.device.type != "cpu" for each in held):
            return False
        known = [state.tensor for group in self._groups for state in group.states]
        same = len(known) == len(held) and all(map(operator.is_, known, held))
        if not same or any(any(group.changed(None)) for group in self._groups):
            for step, tensors in zip(self.steps, found, strict=True):
                step.take(tensors)
            self._groups = WeightGroup.all_of([("", each) for each in held], whole=False)
        return True

    @cached_property
    def parts(self) -> list[nn.Module]:
        """The modules that are packed."""
        return [part for each in self.steps for part in each.parts]


def _replace(
    root: fx.GraphModule, chain: list[fx.Node], name: str, packed: PackedConvolution
) -> None:
    """Put a packed convolution in the place of the nodes that it does the work of."""
    root.add_submodule(name, packed)
    with root.graph.inserting_before(chain[0]):
        node = root.graph.call_module(name, (chain[0].args[0],))
    chain[-1].replace_all_uses_with(node)
    for each in reversed(chain):
        root.graph.erase_node(each)


def _step(root: fx.GraphModule, node: fx.Node) -> tuple[Step | None, list[fx.Node]]:
    """The step that begins at a node, and all of its nodes; None where no convolution is."""
    step = _convolution(root, node)
    if step is None:
        return None, []
    chain = [node]
    follower = only_user(chain[-1])
    normed = None if follower is None else _normed(root, follower, step)
    if follower is not None and normed is not None:
        step = normed
        chain.append(follower)
        follower = only_user(follower)
    activation = None if follower is None else _activation(root, follower)
    if follower is not None and activation is not None:
        called = (str(follower.target),) if follower.op == "call_module" else ()
        step = step._replace(activation=activation, modules=(*step.modules, *called))
        chain.append(follower)
    return step, chain


def only_user(node: fx.Node) -> fx.Node | None:
    """The node that reads a node, where there is just one."""
    return next(iter(node.users)) if len(node.users) == 1 else None


def _module(root: fx.GraphModule, node: fx.Node, kind: type[nn.Module]) -> Any:
    """The module that a node calls, where it is of the kind and nothing is added to it."""
    if node.op != "call_module" or len(node.args) != 1 or node.kwargs:
        return None
    module = root.get_submodule(str(node.target))
    return module if type(module) is kind and as_its_class(module) else None


def _owner(root: nn.Module, place: str) -> tuple[nn.Module, str]:
    """The module that holds a tensor, and its name there."""
    module, _, name = place.rpartition(".")
    return root.get_submodule(module), name


def _convolution(root: fx.GraphModule, node: fx.Node) -> Step | None:
    module = _module(root, node, nn.Conv2d)
    if module is not None:
        name = str(node.target)
        if module.padding_mode != "zeros" or isinstance(module.padding, str):
            return None
        setting = Setting(module.stride, module.padding, module.dilation, module.groups)
        return Step((f"{name}.weight", f"{name}.bias"), (name,), setting)
    if node.target not in CONVOLUTIONS or node.kwargs or len(node.args) < 2:
        return None
    places = _attributes((*node.args[1:3], None)[:2])
    settings: list[Any] = [*node.args[3:], *(1, 0, 1, 1)[len(node.args[3:]) :]]
    if places is None or any(isinstance(each, (str, fx.Node)) for each in settings):
        return None
    stride, padding, dilation = map(_pair, settings[:3])
    return Step(places, (), Setting(stride, padding, dilation, settings[3]))


def _normed(root: fx.GraphModule, node: fx.Node, step: Step) -> Step | None:
    """The step with the batch norm that a node is; None where it is none."""
    module = _module(root, node, nn.BatchNorm2d)
    if module is not None:
        name = str(node.target)
        if module.running_mean is None:
            return None
        own = tuple(f"{name}.{each}" for each in ("weight", "bias", "running_mean", "running_var"))
        modules = (*step.modules, name)
        return step._replace(tensors=(*step.tensors, *own), modules=modules, eps=module.eps)
    if node.target not in NORMS or node.kwargs or len(node.args) < 8 or node.args[5]:
        return None
    places = _attributes(node.args[1:5])
    if places is None or None in places[2:]:
        return None
    eps: Any = node.args[7]
    return step._replace(tensors=(*step.tensors, *places), eps=eps)


def _activation(root: fx.GraphModule, node: fx.Node) -> Activation | None:
    for kind, name in KINDS.items():
        if _module(root, node, kind) is not None:
            return Activation(name)
    for kind in (nn.ReLU6, nn.Hardtanh):
        if (module := _module(root, node, kind)) is not None:
            return Activation("hardtanh", (module.min_val, module.max_val))
    for targets, name in ((RELUS, "relu"), (SWISHES, "swish"), (HARD_SWISHES, "hardswish")):
        if node.target in targets and len(node.args) == 1:
            return Activation(name)
    if node.target in CLIPS and not node.kwargs:
        bounds: tuple[Any, ...] = node.args[1:]
        return Activation("hardtanh", (*bounds, *(-1.0, 1.0)[len(bounds) :]))
    return None


def _attributes(values: tuple[Any, ...]) -> tuple[str | None, ...] | None:
    """Where in the graph's module some arguments are; None where one is computed."""
    known = [
        each is None or (isinstance(each, fx.Node) and each.op == "get_attr") for each in values
    ]
    return tuple(each and str(each.target) for each in values) if all(known) else None


def _pair(value: Any) -> tuple[int, ...]:
    """One number for both sides, or one for each."""
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return found * 2 if len(found) == 1 else found
