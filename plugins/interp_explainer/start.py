"""A start from the performer: its next convolution for both tracks, its last layers to decode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from interp.errors import InputError
from interp.spec import Capability

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter
    from interp_explainer.network import ExplainerNetwork

REMEDY = "leave out --start copied"


def copy_performer(network: ExplainerNetwork, model: ModelAdapter, maps: Tensor) -> None:
    """Set the first weights; maps F (B, C, h, w) of some images set the norms.

    The decoder's first layer is multiplied, channel by channel, by what the norm divides by.
    """
    if Capability.MODULE not in model.capabilities:
        raise model.lacks(Capability.MODULE, "--start copied")
    chosen = _between(network, model)
    convolution, linears = _convolution(network, chosen), _linears(chosen)
    steps = [part for part in network.decoder.modules() if isinstance(part, nn.Linear)]
    if not steps or [_shape(e) for e in steps] != [_shape(e) for e in linears[: len(steps)]]:
        raise InputError(
            f"{model.spec.name}'s layers after {network.structure.layer} are not a convolution "
            f"and the fully connected layers that are rebuilt; {REMEDY}"
        )
    with torch.no_grad():
        for part in (network.interp1, network.ordinary):
            _copy(part, convolution)
        for step, linear in zip(steps, linears, strict=False):
            _copy(step, linear)
        network.train()(maps)
        first = steps[0].weight
        cells = first.view(len(first), network.structure.filters, -1)
        cells *= network.norm_ordinary.alpha[None, :, None]
    network.eval()


def _between(network: ExplainerNetwork, model: ModelAdapter) -> list[nn.Module]:
    """The performer's modules after the layer read, up to the last goal, in order."""
    names = [each.name for each in model.layers()]
    layers = network.structure.layers
    inside = names[names.index(layers[0]) + 1 : names.index(layers[-1]) + 1]
    return [model.module().get_submodule(name) for name in inside]


def _convolution(network: ExplainerNetwork, modules: list[nn.Module]) -> nn.Conv2d:
    """The first convolution, with the normalisation that follows it at once folded in."""
    single = [each for each in modules if not list(each.children())]
    for at, each in enumerate(single):
        if isinstance(each, nn.Conv2d):
            if _shape(each) != _shape(network.ordinary) or each.stride != (1, 1):
                break
            follows = single[at + 1] if at + 1 < len(single) else None
            if isinstance(follows, nn.BatchNorm2d):
                return nn.utils.fuse_conv_bn_eval(each, follows)
            return each
    raise InputError(
        f"the performer's next convolution is not 3 x 3 of {network.structure.filters} filters; "
        f"{REMEDY}, or choose another --layer"
    )


def _linears(modules: list[nn.Module]) -> list[nn.Linear]:
    return [each for each in modules if isinstance(each, nn.Linear)]


def _shape(module: nn.Conv2d | nn.Linear) -> tuple[int, ...]:
    return tuple(module.weight.shape)


def _copy(part: nn.Conv2d | nn.Linear, source: nn.Conv2d | nn.Linear) -> None:
    assert part.bias is not None  # noqa: S101 - every layer of the explainer has one
    part.weight.copy_(source.weight)
    if source.bias is None:
        part.bias.zero_()
    else:
        part.bias.copy_(source.bias)
