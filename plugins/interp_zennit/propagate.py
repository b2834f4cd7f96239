"""Relevance from a score to the input, in one pass back through a network with Zennit's rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.target import Target
from interp.training.recording import recording
from interp_zennit.bridge import canonizer, zennit
from interp_zennit.sums import SplitSums

ALIKE = 1e-3
"""How far scores may move when batch norms are merged, relative to the largest."""


@dataclass(eq=False)
class Propagation:
    """A network with rules in place: the pass of an image, and relevance back to any tensor."""

    scores: Tensor
    """(1, K), recorded for autograd."""
    input: Tensor
    """The network's own input, (1, C, h, w)."""
    layers: dict[str, Tensor] = field(default_factory=dict)
    """Outputs of the layers that were asked for."""

    def relevance(self, target: Target, *places: Tensor) -> tuple[Tensor, ...]:
        """The relevance of each place for a target's score, in the place's shape.

        Propagation begins with the score of the class, and less that of the class it is against.
        """
        signs = torch.zeros_like(self.scores)
        signs[:, target.index] = 1
        if target.against is not None:
            signs[:, target.against] = -1
        begun = signs * self.scores.detach()
        return torch.autograd.grad(self.scores, places, begun, retain_graph=True)

    def onward(self, place: Tensor, relevance: Tensor) -> Tensor:
        """The input's relevance that comes from a place's, by the same rules."""
        return torch.autograd.grad(place, self.input, relevance, retain_graph=True)[0]


@contextmanager
def propagating(
    model: ModelAdapter, pixels: Tensor, rules: Callable[[Any], Any], layer: str | None = None
) -> Iterator[Propagation]:
    """A pass of an image (1, 3, h, w) through the model's own copy of its module, with rules.

    `rules` makes a composite of a canonizer. `layer` is one whose output is kept. Raises
    UnsupportedError where Zennit has no rule for a part, or where merging batch norms would change
    the scores.
    """
    own = model.with_own_module()
    network = own.module()
    plain = model.predict(pixels)
    with _apart(network):
        _check_rules(own, network, pixels)
        composite = rules(canonizer(network))
        with (
            _registered(composite, network, model.spec.name),
            SplitSums(),
            _kept(network, layer) as kept,
        ):
            scores = own.forward(pixels)
            _check_alike(scores.detach(), plain, model.spec.name)
            yield Propagation(scores, kept[0], {layer: kept[1]} if layer else {})


@contextmanager
def _registered(composite: Any, network: nn.Module, name: str) -> Iterator[None]:
    """The composite's rules and canonizers in place within the block."""
    try:
        composite.register(network)
    except Exception as error:  # merging layers that do not belong together
        composite.remove()
        raise UnsupportedError(
            f"Zennit cannot merge the batch norms of {name}, which do not follow the layers that "
            "are defined before them; use integrated-gradients or deeplift"
        ) from error
    try:
        yield
    finally:
        composite.remove()


@contextmanager
def _kept(network: nn.Module, layer: str | None) -> Iterator[list[Tensor]]:
    """The network's input, made a leaf, and the output of one layer, of the pass in the block."""
    kept: list[Tensor] = []

    def begin(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        kept.append(given[0].detach().clone().requires_grad_())
        return (kept[0], *given[1:])

    def keep(*call: Any) -> Tensor:
        output: Tensor = call[-1]
        kept.append(output)
        return output.clone()  # an operation in place that follows leaves the kept one as it is

    handles = [network.register_forward_pre_hook(begin)]
    if layer is not None:
        handles.append(network.get_submodule(layer).register_forward_hook(keep))
    try:
        yield kept
    finally:
        for each in handles:
            each.remove()


@contextmanager
def _apart(network: nn.Module) -> Iterator[None]:
    """Weights of the network's own within the block, and all as it was after it.

    Merging changes weights, in Zennit before 1.0 within the tensors that other threads may use.
    """
    before = [(own, dict(own)) for each in network.modules() for own in _holders(each)]
    for each in network.modules():
        each._parameters.update({n: _copy(p) for n, p in each._parameters.items()})
        each._buffers.update({n: _copy(b) for n, b in each._buffers.items()})
        if getattr(each, "inplace", False) is True:  # hooks make views, not to be changed in place
            each.inplace = False  # type: ignore[assignment]
    try:
        yield
    finally:
        for own, content in before:
            own.clear()
            own.update(content)


def _holders(module: nn.Module) -> tuple[dict[str, Any], ...]:
    """What a module keeps its attributes, weights, buffers and parts in."""
    return vars(module), module._parameters, module._buffers, module._modules


def _copy(value: Any) -> Any:
    """A parameter or buffer with values of its own; None as it is."""
    if value is None:
        return None
    own = value.detach().clone()
    return nn.Parameter(own, requires_grad=False) if isinstance(value, nn.Parameter) else own


def _check_rules(model: ModelAdapter, network: nn.Module, pixels: Tensor) -> None:
    """Raise UnsupportedError where weights have no rule, or a part with a rule runs twice."""
    types = zennit("types")
    leaves = {n: e for n, e in network.named_modules() if n and not list(e.children())}
    for name, each in leaves.items():
        if list(each.parameters()) and not isinstance(
            each, (types.Linear, types.BatchNorm, types.Activation)
        ):
            raise UnsupportedError(
                f"Zennit has no rule for {name} of {model.spec.name} ({type(each).__name__}); "
                "relevance is for networks of convolutions, linear layers and batch norms; use "
                "transformer-attribution, integrated-gradients or gradcam"
            )
    ruled = {n: e for n, e in leaves.items() if isinstance(e, (types.Linear, types.AvgPool))}
    with recording(ruled) as calls:
        model.predict(pixels)
    repeated = Counter({name: len(each) for name, each in calls.items()}).most_common(1)
    if repeated and repeated[0][1] > 1:
        raise UnsupportedError(
            f"{model.spec.name} runs {repeated[0][0]} {repeated[0][1]} times, and Zennit keeps one "
            "input of a module; use integrated-gradients"
        )


def _check_alike(found: Tensor, expected: Tensor, name: str) -> None:
    """Raise UnsupportedError where the scores are no longer the model's own."""
    if not bool((found - expected).abs().max() <= ALIKE * expected.abs().max().clamp(min=ALIKE)):
        raise UnsupportedError(
            f"merging batch norms into the layers defined before them changes the scores of "
            f"{name}; Zennit has no canonizer for it; use integrated-gradients or deeplift"
        )
