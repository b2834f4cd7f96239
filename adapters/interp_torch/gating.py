"""Shortcuts for a model's rest with channels switched off, found in its graph.

Fold: gates carried past pooling into the linear layer that follows (interp.network.fold).

Ablation: one channel closed at a time, conv(a without a_k) = conv(a) - conv_k(a_k). Where only
convolutions read the layer, their outputs for the whole layer are computed once, and for each row
only the closed channel's own share is subtracted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, fx, nn

from interp.network.fold import Fold
from interp_torch.graph import last_node, same
from interp_torch.packed import only_user

LINEAR = (nn.functional.linear, torch.ops.aten.linear.default)


def find_fold(suffix: fx.GraphModule) -> Fold | None:
    """The suffix around its first linear layer, where one chain of operations leads to it."""
    inputs = [node for node in suffix.graph.nodes if node.op == "placeholder"]
    end, follower = inputs[0], only_user(inputs[0])
    while follower is not None and not _is_linear(suffix, follower):
        end, follower = follower, only_user(follower)
    if follower is None or end not in follower.args[:1]:
        return None
    weight, bias = _weights(suffix, follower)
    if not isinstance(weight, Tensor):
        return None
    scores = last_node(suffix.graph).args[0]
    if not isinstance(scores, fx.Node):
        return None
    after = between(suffix, [follower, *inputs[1:]], scores)
    return Fold(between(suffix, inputs, end), weight, bias, after)


def _is_linear(root: fx.GraphModule, node: fx.Node) -> bool:
    if node.op == "call_module":
        return type(root.get_submodule(str(node.target))) is nn.Linear
    return node.target in LINEAR


def _weights(root: fx.GraphModule, node: fx.Node) -> tuple[Any, Any]:
    """Weight (out, F) and bias (out,) of a linear layer; None for what is no constant."""
    if node.op == "call_module":
        linear = root.get_submodule(str(node.target))
        return linear.weight, linear.bias
    named = (*node.args[1:], *(node.kwargs.get(key) for key in ("weight", "bias")))
    given = [each for each in named if isinstance(each, fx.Node)]
    if any(each.op != "get_attr" for each in given):
        return None, None
    found = [attrgetter(str(each.target))(root) for each in given]
    return (*found, None, None)[:2]


@dataclass(frozen=True, eq=False)
class Ablation:
    """The convolutions that read the layer, and rest(their outputs, *live) -> scores."""

    convolutions: tuple[nn.Conv2d, ...]
    rest: Callable[..., Any]

    def outputs(self, activation: Tensor) -> list[Tensor]:
        """Each convolution's output for the whole layer, (1, out, h, w)."""
        return [each(activation) for each in self.convolutions]

    def without(
        self, outputs: Sequence[Tensor], activation: Tensor, closed: Tensor
    ) -> list[Tensor]:
        """Their outputs without channel closed[b], (B, out, h, w), from the whole layer's."""
        maps = activation[:, closed]  # (1, B, h, w)
        return [
            whole - self._share(each, maps, closed)
            for each, whole in zip(self.convolutions, outputs, strict=True)
        ]

    def _share(self, convolution: nn.Conv2d, maps: Tensor, closed: Tensor) -> Tensor:
        """conv_k(a_k) of each row's own channel k, without the bias, (B, out, h, w)."""
        kernels = convolution.weight[:, closed].transpose(0, 1)  # (B, out, kh, kw)
        found = nn.functional.conv2d(
            maps,
            kernels.flatten(0, 1).unsqueeze(1),
            stride=convolution.stride,
            padding=convolution.padding,
            dilation=convolution.dilation,
            groups=len(closed),
        )
        return found.unflatten(1, kernels.shape[:2])[0]


def find_ablation(
    suffix: fx.GraphModule, faster: Callable[[fx.GraphModule], Callable[..., Any]] = same
) -> Ablation | None:
    """The suffix behind its first convolutions, where nothing else reads the layer.

    `faster` makes what runs the rest of the graph.
    """
    crossing, *live = [node for node in suffix.graph.nodes if node.op == "placeholder"]
    nodes = list(crossing.users)
    found = [_convolution(suffix, node) for node in nodes]
    scores = last_node(suffix.graph).args[0]
    if not nodes or None in found or not isinstance(scores, fx.Node):
        return None
    convolutions = tuple(each for each in found if each is not None)
    return Ablation(convolutions, faster(between(suffix, [*nodes, *live], scores)))


def closes_one(gates: Tensor) -> Tensor:
    """Which rows of gates (B, C) close one channel and leave all others open, (B,) bool."""
    return ((gates == 0).sum(1) == 1) & ((gates == 1).sum(1) == gates.shape[1] - 1)


def _convolution(root: fx.GraphModule, node: fx.Node) -> nn.Conv2d | None:
    module: Any = root.get_submodule(str(node.target)) if node.op == "call_module" else None
    plain = type(module) is nn.Conv2d and module.groups == 1 and module.padding_mode == "zeros"
    return module if plain else None


def between(root: fx.GraphModule, inputs: list[fx.Node], output: fx.Node) -> fx.GraphModule:
    """The part of a graph that computes `output` from `inputs`."""
    graph = fx.Graph()
    copies = {node: graph.placeholder(f"input_{at}") for at, node in enumerate(inputs)}

    def copy(node: fx.Node) -> fx.Node:
        if node not in copies:
            for each in node.all_input_nodes:
                copy(each)
            copies[node] = graph.node_copy(node, copies.__getitem__)
        return copies[node]

    graph.output(copy(output))
    return fx.GraphModule(root, graph)
