"""The target's score as a PyTorch module, for methods of Captum's that hook activations."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from torch import Tensor, nn
from torch.autograd.graph import Node

from interp_captum.bridge import Score, out_of_place

ACTIVATIONS = (
    *(nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Softmax),
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
)
"""Modules that Captum hooks: all for DeepLIFT, the first for guided backprop."""


class ScoreModule(nn.Module):
    """The target's score (N,) of images (N, 3, h, w), and the network as a part of it."""

    def __init__(self, score: Score) -> None:
        super().__init__()
        self.network = score.model.module()
        self.score = score

    def forward(self, images: Tensor) -> Tensor:
        """The score, recorded for autograd."""
        return self.score.with_gradient(images)


class Run(NamedTuple):
    """One run of an activation module: its name and kind, and the node that made its output."""

    name: str
    kind: type[nn.Module]
    node: Node | None


@contextmanager
def hooking(score: Score) -> Iterator[ScoreModule]:
    """The score as a module; what Captum leaves on the network is removed, even after an error."""
    hooked = ScoreModule(score)
    before = [(each, set(vars(each))) for each in hooked.network.modules()]
    with out_of_place(hooked.network), _separate_inputs(hooked.network), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Captum warns that it sets hooks
        try:
            yield hooked
        finally:
            for each, names in before:  # inputs and outputs that no backward pass has claimed
                for name in set(vars(each)) - names:
                    del vars(each)[name]


@contextmanager
def _separate_inputs(network: nn.Module) -> Iterator[None]:
    """Give every activation an input tensor of its own, which Captum hooks.

    Were the tensor also another activation's output, that one would read the slope before it is
    changed; were it shared by a skip connection, the skip's slope would be changed too.
    """
    with ExitStack() as stack:
        for each in network.modules():
            if type(each) in ACTIVATIONS:
                handle = each.register_forward_pre_hook(lambda _, given: given[0].clone())
                stack.callback(handle.remove)
        yield


def observe(hooked: ScoreModule, images: Tensor) -> tuple[list[Run], Tensor]:
    """Every run of an activation module, and the score (N,), whose graph holds their nodes."""
    runs: list[Run] = []
    with ExitStack() as stack:
        for name, module in hooked.network.named_modules():
            if type(module) in ACTIVATIONS:
                handle = module.register_forward_hook(
                    lambda each, _, output, name=name: runs.append(
                        Run(name, type(each), output.grad_fn)
                    )
                )
                stack.callback(handle.remove)
        return runs, hooked(images.clone().requires_grad_())


def graph_nodes(score: Tensor) -> Iterator[Node]:
    """Every node of the autograd graph behind a score, once."""
    pending = [score.grad_fn]
    seen = set(pending)
    while pending:
        node = pending.pop()
        if node is not None:
            yield node
            following = {each for each, _ in node.next_functions} - seen
            seen |= following
            pending += following
