"""Channel gates carried past pooling into the linear layer that follows: fc(d * a) = d @ U.

A gate of 0 or 1 commutes with whatever treats channels one by one and leaves zeros alone (ReLU,
pooling, flattening), so the linear layer can be summed over each channel's own inputs once per
image; what is left per row of gates is one product with U (C, out) and the layers after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from interp_torch.graph import close

LINEAR = (nn.functional.linear, torch.ops.aten.linear.default)


@dataclass(frozen=True, eq=False)
class Fold:
    """A suffix around its first linear layer.

    before(activation, *live) -> (1, F), linear's input; after(linear's output, *live) -> scores.
    """

    before: fx.GraphModule
    weight: Tensor  # (out, F)
    bias: Tensor | None
    after: fx.GraphModule

    def table(self, activation: Tensor, live: tuple[Any, ...]) -> Tensor:
        """U (C, out): each channel's share of the linear layer's output, without the bias."""
        channels = activation.shape[1]
        each = self.before(activation.clone(), *live).reshape(channels, -1)  # (C, F / C)
        weight = self.weight.reshape(len(self.weight), channels, -1)  # (out, C, F / C)
        return torch.einsum("cf,ocf->co", each, weight)

    def rest(self, table: Tensor, gates: Tensor, live: tuple[Any, ...]) -> Tensor:
        """Scores (B, K) of the gates (B, C)."""
        hidden = nn.functional.linear(gates.to(table.dtype), table.T, self.bias)
        return self.after(hidden, *live)

    def holds(self, activation: Tensor, live: tuple[Any, ...]) -> bool:
        """Whether gates commute with all that lies before the linear layer, tried on one image."""
        channels = activation.shape[1]
        whole = self.before(activation.clone(), *live)
        if whole.dim() != 2 or whole.shape[1] % channels:
            return False
        generator = torch.Generator().manual_seed(0)
        for keep in (0.0, 0.5, 0.9):
            gates = (torch.rand(channels, generator=generator) < keep).to(activation)
            shape = (-1, *[1] * (activation.dim() - 2))
            gated = self.before(activation * gates.reshape(shape), *live)
            if not close(gated, whole * gates.repeat_interleave(whole.shape[1] // channels)):
                return False
        return True


def find_fold(suffix: fx.GraphModule) -> Fold | None:
    """The suffix around its first linear layer, where one chain of operations leads to it."""
    inputs = [node for node in suffix.graph.nodes if node.op == "placeholder"]
    end, follower = inputs[0], _only_user(inputs[0])
    while follower is not None and not _is_linear(suffix, follower):
        end, follower = follower, _only_user(follower)
    if follower is None or end not in follower.args[:1]:
        return None
    weight, bias = _weights(suffix, follower)
    if not isinstance(weight, Tensor):
        return None
    answer = next(iter(reversed(suffix.graph.nodes))).args[0]
    if not isinstance(answer, fx.Node):
        return None
    return Fold(
        before=between(suffix, inputs, end),
        weight=weight,
        bias=bias,
        after=between(suffix, [follower, *inputs[1:]], answer),
    )


def _only_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


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
    found = [_attribute(root, str(each.target)) for each in given]
    return (*found, None, None)[:2]


def _attribute(root: nn.Module, path: str) -> Any:
    owner, _, name = path.rpartition(".")
    return getattr(root.get_submodule(owner), name)


def between(root: fx.GraphModule, inputs: list[fx.Node], output: fx.Node) -> fx.GraphModule:
    """The part of a graph that makes `output` of `inputs`."""
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
